/**
 * Scripts of commands and what a person sees, in one text file:
 *
 *     # Why this paragraph exists.
 *     ana@oslo$ crossload dataset show 1
 *         id  <number:N>        a line on stdout, with a part that varies, kept as $N for later lines
 *         <...>                 any number of lines
 *       ! a line on stderr
 *       = 4                     the exit code, when it is not 0
 *
 * `oslo~` instead of `oslo$` asks again and again until it is so: word of it has to cross first.
 * `oslo$` is the administrator at the site Oslo, with the home's own token; `ana@oslo$` is Ana, with
 * hers. Blank lines mean nothing, in a script and in what is seen. $work is the folder it is all done
 * in, $oslo the home of Oslo, $osloHttp where its API answers. `oslo$ write PATH TEXT` is what people
 * do besides.
 */

export type Step = {
  readonly at: string
  /** Word of it has to cross first. */
  readonly later: boolean
  readonly command: string
  readonly out: readonly string[]
  readonly err: readonly string[]
  readonly code: number
}
export type Paragraph = { readonly why: string; readonly steps: readonly Step[] }

export function parseScript(text: string): Paragraph[] {
  const paragraphs: { why: string; steps: Step[] }[] = []
  let before = ''
  for (const [index, line] of text.split('\n').entries()) {
    const [, why] = /^# ?(.*)$/.exec(line) ?? []
    const [, at, sign, command] = /^([\w@.-]+)([$~]) (.+)$/.exec(line) ?? []
    const step = paragraphs.at(-1)?.steps.at(-1)
    if (why !== undefined) {
      if (before !== 'why') paragraphs.push({ why, steps: [] })
      else paragraphs.at(-1)!.why += ` ${why}`
      before = 'why'
    } else if (at !== undefined && command !== undefined) {
      const none = { out: [], err: [], code: 0 }
      paragraphs.at(-1)!.steps.push({ at, later: sign === '~', command, ...none })
      before = 'step'
    } else if (line.trim() !== '') {
      const [, mark, rest] = /^ {2}( {2}|! |= )(.*)$/.exec(line) ?? []
      if (step === undefined || mark === undefined)
        throw new Error(`line ${index + 1} is neither why, command nor output: ${line}`)
      const more = mark === '! ' ? { err: [...step.err, rest!] } : { out: [...step.out, rest!] }
      const next = mark === '= ' ? { code: Number(rest) } : more
      paragraphs.at(-1)!.steps[paragraphs.at(-1)!.steps.length - 1] = { ...step, ...next }
    }
  }
  return paragraphs
}

/** The parts that are another each time. */
const parts: Record<string, string> = {
  time: String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`,
  instant: String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`,
  number: String.raw`\d+`,
  size: String.raw`[\d.]+ k?B`,
  site: '12D3KooW[1-9A-HJ-NP-Za-km-z]{44}',
  address: String.raw`/ip4/127\.0\.0\.1/tcp/\d+/p2p/12D3KooW[1-9A-HJ-NP-Za-km-z]{44}`,
  url: String.raw`http://127\.0\.0\.1:\d+`,
  fingerprint: '[0-9A-Z]{4}(?:-[0-9A-Z]{4}){5}',
  invitation: 'crossload1[a-z0-9]+',
  token: String.raw`crossload_[\w-]+`,
  secret: String.raw`[\w-]{43}`,
  transfer: '[0-9a-f]{32}',
  hash: '[0-9a-f]{64}',
  mark: '[\\w-]{22}',
  sealed: String.raw`[\w-]{48,}`,
  signature: '[0-9a-f]{16}',
  root: 'bafyrei[a-z2-7]{52}',
  cid: 'baf(?:krei|ybei)[a-z2-7]{52}',
  any: '.*',
}

const skipping = '<...>'
export type Known = Map<string, string>

/** `$name` by what is known of it. */
export function fill(text: string, known: Known): string {
  return text.replace(/\$([A-Za-z]+)/g, (whole, name: string) => known.get(name) ?? whole)
}

/** Whether the line fits; what it names is then known. */
function fits(expected: string, seen: string, known: Known): boolean {
  const names: string[] = []
  const pattern = expected
    .split(/(<[a-z]+(?::[A-Za-z]+)?>)/)
    .map((piece) => {
      const [, part, name] = /^<([a-z]+)(?::([A-Za-z]+))?>$/.exec(piece) ?? []
      if (part === undefined || !Object.hasOwn(parts, part))
        return fill(piece, known).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      if (name !== undefined) names.push(name)
      return name === undefined ? `(?:${parts[part]})` : `(${parts[part]})`
    })
    .join('')
  const found = new RegExp(`^${pattern}$`, 'u').exec(seen)
  for (const [i, name] of names.entries()) if (found !== null) known.set(name, found[i + 1]!)
  return found !== null
}

/** What was seen, with each line that fits written as it was expected: equal when all is as it should be. */
export function asExpected(expected: readonly string[], text: string, known: Known): string[] {
  const seen = text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
  const result: string[] = []
  let at = 0
  for (const [index, line] of expected.entries()) {
    if (line === skipping) {
      const next = expected[index + 1]
      while (at < seen.length && (next === undefined || !fits(next, seen[at]!, known))) at++
      result.push(line)
    } else if (at < seen.length) {
      result.push(fits(line, seen[at]!, known) ? line : seen[at]!)
      at++
    }
  }
  return [...result, ...seen.slice(at)]
}

/** As a shell would take a line apart. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double ?? ''),
  )
}
