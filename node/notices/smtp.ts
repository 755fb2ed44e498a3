/**
 * One mail to one person, over a connection of its own and within one deadline. The only module that
 * knows the library. What the server says may name people; no address leaves this file in a fault.
 */
import MailComposer from 'nodemailer/lib/mail-composer'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { Fault } from '../../protocol/fault.ts'
import type { Clock } from '../base/clock.ts'
import type { Letter } from './letters.ts'
import type { MailSettings } from './settings.ts'

/** How long one mail may take, from the name of the server to its word, in milliseconds. */
export const mailMs = 30_000
/** How long the last word of a conversation may take, in milliseconds. */
const closeMs = 1000
/** Characters of a server's answer that are shown. */
const answerMax = 200

/**
 * Resolves when the server has taken it. Faults `gone` when it never will, `busy` when it would not
 * now, `unreachable` when it was not there or said nothing in time.
 */
export type SendMail = (letter: Letter, options: { signal: AbortSignal }) => Promise<void>

export function createSendMail(o: { settings: MailSettings; clock: Clock }): SendMail {
  const { settings, clock } = o
  /** Stands in what we call ourselves and in the name of each mail. */
  const domain = settings.from.slice(settings.from.indexOf('@') + 1)

  async function compose({ to, subject, text, id }: Letter): Promise<Buffer> {
    return new MailComposer({
      from: { name: '', address: settings.from },
      to: { name: '', address: to },
      subject,
      text,
      date: new Date(clock.now()),
      messageId: `<${id}@${domain}>`,
      // Nobody's holiday program answers it.
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
      xMailer: false,
      disableFileAccess: true,
      disableUrlAccess: true,
    } as ConstructorParameters<typeof MailComposer>[0])
      .compile()
      .build()
  }

  return async (letter, { signal }) => {
    signal.throwIfAborted()
    const message = await compose(letter)
    const connection = new SMTPConnection({
      host: settings.host,
      port: settings.port,
      secure: settings.security === 'tls',
      requireTLS: settings.security === 'starttls',
      ignoreTLS: settings.security === 'none',
      name: domain,
      // Ours is the deadline; these are there in case that the library outlives it.
      connectionTimeout: 2 * mailMs,
      greetingTimeout: 2 * mailMs,
      socketTimeout: 2 * mailMs,
      dnsTimeout: 2 * mailMs,
      socketCloseTimeout: closeMs,
      tls: settings.ca === undefined ? {} : { ca: settings.ca },
    })
    const ended = Promise.withResolvers<never>()
    ended.promise.catch(() => {})
    connection.on('error', ended.reject)
    connection.on('end', () => ended.reject(new Error('the connection was closed')))
    using _late = clock.after(mailMs, () => ended.reject(tooLate()))
    const stop = () => ended.reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    try {
      await Promise.race([converse(connection, message, letter), ended.promise])
    } catch (thrown) {
      if (signal.aborted || thrown instanceof Fault) throw thrown
      throw refused(thrown as ServerError, [letter.to, settings.from])
    } finally {
      signal.removeEventListener('abort', stop)
      connection.close()
    }
  }

  async function converse(connection: SMTPConnection, message: Buffer, { to }: Letter) {
    await new Promise<void>((resolve, reject) =>
      connection.connect((thrown) => (thrown ? reject(thrown) : resolve())),
    )
    const { login } = settings
    if (login !== undefined) {
      await new Promise<void>((resolve, reject) =>
        connection.login({ credentials: login }, (thrown) => (thrown ? reject(thrown) : resolve())),
      )
    }
    await new Promise<void>((resolve, reject) =>
      connection.send({ from: settings.from, to: [to] }, message, (thrown) =>
        thrown ? reject(thrown) : resolve(),
      ),
    )
    connection.quit()
  }
}

type ServerError = { code?: string; responseCode?: number; response?: string; message?: string }

/** Of the words of a refusal: what is about this mail, and not about us, our password or the hour. */
const aboutMail: readonly (string | undefined)[] = ['EENVELOPE', 'EMESSAGE']
/** That we should have said who we are. */
const aboutUs: readonly number[] = [530, 534, 535, 538]

function refused(thrown: ServerError, addresses: readonly string[]): Fault {
  const { code, responseCode = 0, response } = thrown
  if (response === undefined || responseCode === 0) {
    return new Fault('unreachable', 'mail.send', {
      side: 'there',
      about: code ?? 'mail',
      text: `The mail server could not be reached (${masked(thrown.message ?? 'no reason', addresses)}). Check mail.host and mail.port in config.json, and that it runs.`,
    })
  }
  const isFinal = responseCode >= 500 && aboutMail.includes(code) && !aboutUs.includes(responseCode)
  const next = isFinal
    ? 'Check the address.'
    : code === 'EAUTH'
      ? 'Check mail.user and mail.passwordFile in config.json.'
      : 'Try again later.'
  return new Fault(isFinal ? 'gone' : 'busy', 'mail.send', {
    side: 'there',
    about: responseCode,
    text: `The mail server answered: ${masked(response, addresses)} ${next}`,
  })
}

/** What a server says, on one line and without anybody's address. */
function masked(text: string, addresses: readonly string[]): string {
  const locals = addresses.map((address) => address.slice(0, address.indexOf('@')))
  let shown = text.replace(/\s+/g, ' ').trim()
  for (const secret of [...addresses, ...locals].filter(({ length }) => length > 2))
    shown = shown.replaceAll(new RegExp(secret.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'gi'), '…')
  return shown.replace(/[^\s<>"'(),:;]+@[^\s<>"'(),:;]+/g, '…').slice(0, answerMax)
}

function tooLate(): Fault {
  return new Fault('unreachable', 'mail.send', {
    side: 'there',
    text: `The mail server said nothing within ${mailMs / 1000} seconds. Check mail.host, mail.port and mail.security in config.json.`,
  })
}
