/**
 * A mail server: a real one on loopback, which keeps what it takes and answers as it is told to. What
 * came is read as a mailbox reads it, with nothing of ours.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

export type Came = {
  from: string
  to: string[]
  /** As it stands there, the folding taken out; names in small letters. */
  headers: Map<string, string>
  /** Every name of a header, in order. */
  names: string[]
  subject: string
  text: string
  raw: string
  user: string | undefined
  isTls: boolean
}

/** `take`, the number of a refusal, or `nothing`: no answer, ever. */
export type Answer = 'take' | 'nothing' | { code: number; text: string }

export interface MailServer extends AsyncDisposable {
  readonly port: number
  /** What was taken, in order. */
  readonly came: Came[]
  /** How often somebody began to send one. */
  readonly tries: number
  /** Decides at the recipient, by address. */
  behave(how: (to: string) => Answer): void
  /** Resolves when so many have been taken; rejects when that takes too long. */
  until(count: number): Promise<Came[]>
  /** The same of tries, taken or not. */
  untilTried(count: number): Promise<void>
}

export async function openMailServer(
  o: { port?: number; tls?: { key: string; cert: string }; users?: Record<string, string> } = {},
): Promise<MailServer> {
  const came: Came[] = []
  let tries = 0
  let how: (to: string) => Answer = () => 'take'
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const one of [...waiting]) one()
  }
  const server = new SMTPServer({
    disabledCommands: [...(o.tls ? [] : ['STARTTLS']), ...(o.users ? [] : ['AUTH'])],
    authOptional: o.users === undefined,
    ...o.tls,
    logger: false,
    closeTimeout: 100,
    onAuth({ username = '', password }, _session, done) {
      if (o.users?.[username] === password) done(null, { user: username })
      else done(Object.assign(new Error('Authentication failed'), { responseCode: 535 }))
    },
    onRcptTo({ address }, _session, done) {
      tries++
      const answer = how(address)
      wake()
      if (answer === 'nothing') return
      if (answer === 'take') done()
      else done(Object.assign(new Error(answer.text), { responseCode: answer.code }))
    },
    onData(stream, session, done) {
      const parts: Buffer[] = []
      stream.on('data', (part) => parts.push(part))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        const from = mailFrom === false ? '' : mailFrom.address
        const to = rcptTo.map(({ address }) => address)
        const user = session.user as string | undefined
        const isTls = session.secure
        came.push({ from, to, user, isTls, ...readMail(Buffer.concat(parts).toString('latin1')) })
        done()
        wake()
      })
    },
  })
  // Somebody who goes away in the middle is no failure of the server.
  server.on('error', () => {})
  server.listen(o.port ?? 0, '127.0.0.1')
  await once(server.server, 'listening')

  async function until(isSo: () => boolean, what: string): Promise<void> {
    const late = AbortSignal.timeout(20_000)
    while (!isSo()) {
      late.throwIfAborted()
      await new Promise<void>((resolve, reject) => {
        const done = () => {
          waiting.delete(done)
          resolve()
        }
        waiting.add(done)
        late.addEventListener('abort', () => reject(new Error(`in vain: ${what}`)), { once: true })
      })
    }
  }

  return {
    came,
    port: (server.server.address() as AddressInfo).port,
    get tries() {
      return tries
    },
    behave(next) {
      how = next
    },
    async until(count) {
      await until(() => came.length >= count, `${count} mails, of which ${came.length} came`)
      return came
    },
    untilTried: (count) =>
      until(() => tries >= count, `${count} tries, of which ${tries} were made`),
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.close(resolve))
    },
  }
}

function readMail(raw: string): Pick<Came, 'headers' | 'names' | 'subject' | 'text' | 'raw'> {
  const end = raw.indexOf('\r\n\r\n')
  const lines = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const at = line.indexOf(':')
    headers.set(line.slice(0, at).toLowerCase(), line.slice(at + 1).trim())
  }
  const body = raw.slice(end + 4)
  const encoding = headers.get('content-transfer-encoding')
  const bytes =
    encoding === 'base64'
      ? Buffer.from(body, 'base64')
      : encoding === 'quoted-printable'
        ? unquoted(body)
        : Buffer.from(body, 'latin1')
  return {
    ...{ headers, raw, names: [...headers.keys()] },
    subject: words(headers.get('subject') ?? ''),
    text: bytes.toString('utf8').replaceAll('\r\n', '\n'),
  }
}

function unquoted(text: string): Buffer {
  const whole = text.replace(/=\r\n/g, '')
  const plain = whole.replace(/=([0-9A-F]{2})/g, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(plain, 'latin1')
}

/** RFC 2047. */
function words(text: string): string {
  return text
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?([qb])\?([^?]*)\?=/gi, (_, how, word) =>
      (/q/i.test(how) ? unquoted(word.replaceAll('_', ' ')) : Buffer.from(word, 'base64')).toString(
        'utf8',
      ),
    )
}
