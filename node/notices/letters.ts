/**
 * The mails that a site writes, in plain text. Every line of every mail is made here; what comes from
 * people stands inside a line and has been made visible before.
 */
import { createHash } from 'node:crypto'
import { countText, visible } from '../../api/words.ts'
import type { Email } from '../../protocol/ids.ts'
import type { Words } from './words.ts'

export type Letter = {
  readonly to: Email
  readonly subject: string
  readonly text: string
  /** The same for the same letter, so that a mailbox that gets it twice can tell. */
  readonly id: string
}

/** The site as its people know it. */
export type Sender = {
  readonly name: string
  /** Where its console is, without a slash at the end. */
  readonly url: string
}

/** Lines of one mail; what is more is counted. */
export const linesMax = 100
/** Characters of a subject. */
const subjectMax = 200

export type Line = Words & { readonly at: number }
type To = { readonly email: Email; readonly name: string }

export function noticeLetter(from: Sender, to: To, line: Line, id: string): Letter {
  return letter(from, to, id, line.title, [...sayings(from, line), '', ...footer(from)])
}

/** Everything that waited, in the order it happened; `more` stands only in the centre. */
export function digestLetter(
  from: Sender,
  to: To,
  o: { lines: readonly Line[]; more: number; zone: string },
  id: string,
): Letter {
  const all = o.lines.length + o.more
  const when = new Intl.DateTimeFormat('en-GB', {
    timeZone: o.zone,
    dateStyle: 'medium',
    timeStyle: 'short',
  })
  const more =
    o.more === 0 ? [] : [`And ${countText(o.more, 'notice')} more: ${from.url}/notices`, '']
  return letter(from, to, id, countText(all, 'notice'), [
    ...o.lines.flatMap((line) => [when.format(line.at), ...sayings(from, line), '']),
    ...more,
    ...footer(from),
  ])
}

export function inviteLetter(
  from: Sender,
  to: To,
  o: { link: string; expiresAt: number },
  id: string,
): Letter {
  return letter(from, to, id, 'Choose your password', [
    `You have an account at ${plain(from.name)}, a site that exchanges scientific datasets by Crossload.`,
    'Choose a password here. The link works once; keep it to yourself:',
    '',
    o.link,
    '',
    `It is good until ${new Date(o.expiresAt).toUTCString()}. If you do not know what this is about, do nothing.`,
  ])
}

export function testLetter(from: Sender, to: To, id: string): Letter {
  return letter(from, to, id, 'A test', [
    'This is a test. Mail from this site reaches you.',
    '',
    ...footer(from),
  ])
}

/** Of what makes a letter this letter. */
export function letterId(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}

function letter(
  from: Sender,
  { email, name }: To,
  id: string,
  about: string,
  lines: readonly string[],
): Letter {
  const subject = `[${plain(from.name)}] ${about}`
  const hello = name === '' ? 'Hello,' : `Hello ${plain(name)},`
  return {
    to: email,
    subject: subject.length <= subjectMax ? subject : `${subject.slice(0, subjectMax)}…`,
    text: `${[hello, '', ...lines].join('\n')}\n`,
    id,
  }
}

const sayings = ({ url }: Sender, { title, text, path }: Line): string[] => [
  title,
  ...(text === undefined ? [] : [text]),
  `${url}${path}`,
]

const footer = ({ name, url }: Sender): string[] => [
  '-- ',
  `${plain(name)} sends this because you have an account there.`,
  `Choose what is mailed to you, or nothing: ${url}/profile`,
]

/** On one line, and nothing in it that does not show. */
const plain = (text: string) => visible(text)
