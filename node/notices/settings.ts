/** How this site sends mail, as `config.json` says it: checked before anything starts. */
import { z } from 'zod'
import { Fault } from '../../protocol/fault.ts'
import { type Email, parseEmail } from '../../protocol/ids.ts'
import { readIfThere } from '../base/files.ts'
import { isLoopback } from '../base/loopback.ts'

const isEmail = (text: string) => {
  try {
    parseEmail(text)
    return true
  } catch {
    return false
  }
}

/** The port on which TLS begins with the first byte. */
const tlsPort = 465

export const mailShape = z
  .strictObject({
    host: z
      .string()
      .max(253)
      .regex(/^(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9._-]+)$/, 'is not the name or address of a machine'),
    port: z.int().min(1).max(65535),
    /**
     * `tls` from the first byte, `starttls` before anything is said, or `none`, which only this very
     * machine may have. Unless said: by the port 465, and for this machine, as one would expect.
     */
    security: z.enum(['tls', 'starttls', 'none']).optional(),
    user: z.string().min(1).max(200).optional(),
    /** A file with the password and nothing else; it stands in no configuration. */
    passwordFile: z.string().min(1).max(4096).optional(),
    /** A file of certificates (PEM) to trust instead of the system's, for a server of our own. */
    caFile: z.string().min(1).max(4096).optional(),
    from: z.string().max(254).refine(isEmail, 'is not an e-mail address'),
  })
  .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
    message: 'names user and passwordFile together, or neither',
  })
  .refine(({ host, security }) => security !== 'none' || isLoopback({ hostname: host }), {
    message: 'may only go without encryption ("security": "none") to this very machine',
    path: ['security'],
  })

export type MailConfig = z.infer<typeof mailShape>

export type MailSettings = {
  readonly host: string
  readonly port: number
  readonly security: 'tls' | 'starttls' | 'none'
  readonly login?: { readonly user: string; readonly pass: string } | undefined
  readonly ca?: string | undefined
  readonly from: Email
}

/** Characters of a password, and of a file of certificates. */
const passwordMax = 1000
const certificatesMax = 1024 * 1024

/** Reads what the configuration only names. Faults `invalid` when a file is not there or not fit. */
export async function readMailSettings(config: MailConfig): Promise<MailSettings> {
  const { user, passwordFile, caFile, security } = config
  const host = config.host.replace(/^\[|\]$/g, '')
  const settings: MailSettings = {
    ...{ host, port: config.port, from: parseEmail(config.from) },
    security:
      security ??
      (config.port === tlsPort ? 'tls' : isLoopback({ hostname: host }) ? 'none' : 'starttls'),
  }
  const login =
    user === undefined || passwordFile === undefined
      ? {}
      : { login: { user, pass: await read(passwordFile, 'passwordFile', passwordMax) } }
  const ca = caFile === undefined ? {} : { ca: await read(caFile, 'caFile', certificatesMax) }
  return Object.freeze({ ...settings, ...login, ...ca })
}

async function read(path: string, field: string, charactersMax: number): Promise<string> {
  const wrong = (what: string, cause?: unknown) =>
    new Fault('invalid', 'config.mail', {
      about: path,
      text: `mail.${field} in config.json names ${path}, ${what} Correct it and start the site again.`,
      cause,
    })
  let bytes: Uint8Array | undefined
  try {
    bytes = await readIfThere(path)
  } catch (thrown) {
    throw wrong('which cannot be read.', thrown)
  }
  if (bytes === undefined) throw wrong('which is not there.')
  const text = new TextDecoder().decode(bytes).replace(/\r?\n$/, '')
  if (text === '' || text.length > charactersMax)
    throw wrong('which is empty or far too long for what it should hold.')
  return text
}
