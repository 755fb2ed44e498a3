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
    return { chooses: !takes, matches: matcherOf(takes ? glob.slice(1) : glob) }
  })
  const otherwise = rules[0] !== undefined && !rules[0].chooses
  return (path) => rules.findLast(({ matches }) => matches(path))?.chooses ?? otherwise
}

/**
 * A path written as it is matches itself, also where brackets would mean something else. With a
 * backslash it is no longer a path: `\(` is the file `(`, though there may be another of that very name.
 */
function matcherOf(glob: string): (path: string) => boolean {
  const expression = picomatch.makeRe(glob, { dot: true })
  const isPath = !glob.includes('\\')
  return (path) => (isPath && path === glob) || expression.test(path)
}
