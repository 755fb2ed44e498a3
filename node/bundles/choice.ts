/**
 * Patterns → which paths they choose. The last that matches decides, so that a folder can be taken away
 * and a file in it put back, without naming all the others.
 */
import picomatch from 'picomatch'

/** `!(a|b)` is a pattern of its own, and takes nothing away. */
const takesAway = /^!(?!\()/

/** A list that begins by taking away takes it from everything. */
export function createChoice(globs: readonly string[]): (path: string) => boolean {
  const rules = globs.map((glob) => {
    const takes = takesAway.test(glob)
    return { chooses: !takes, matches: picomatch(takes ? glob.slice(1) : glob, { dot: true }) }
  })
  const otherwise = rules[0] !== undefined && !rules[0].chooses
  return (path) => rules.findLast(({ matches }) => matches(path))?.chooses ?? otherwise
}
