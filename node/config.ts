/**
 * What a site was told at `init`: one file in its home, read once, frozen. Every default and its
 * unit is here.
 */
import { join } from 'node:path'
import { z } from 'zod'
import { Fault } from '../protocol/fault.ts'
import { misfit } from '../protocol/misfit.ts'
import { readIfThere, writeDurably } from './base/files.ts'
import { isLoopback } from './base/loopback.ts'
import { mailShape } from './notices/settings.ts'

/** Where a site listens for other sites when nothing is said: TCP, and WebSockets one port up. */
export const defaultListen = ['/ip4/0.0.0.0/tcp/4600', '/ip4/0.0.0.0/tcp/4601/ws'] as const
/** Where people and programs on the same machine reach it. */
export const defaultHttp = '127.0.0.1:4680'

const shape = z.strictObject({
  v: z.literal(1),
  name: z.string().min(1).max(100).refine(isPlain, 'has control characters'),
  /** Multiaddrs to listen at. Port 0 takes a free one, a new one at each start. */
  listen: z.array(z.string().max(256)).min(1).max(16),
  /** Multiaddrs told to linked sites instead of those listened at, e.g. behind a reverse proxy. */
  announce: z.array(z.string().max(256)).max(16),
  /** Where direct lanes are taken, and what others are told instead, as behind a router. HOST:PORT. */
  lane: z
    .strictObject({
      listen: z
        .string()
        .refine((text) => isPlace(text, 0), 'is not HOST:PORT, for example 0.0.0.0:4602'),
      announce: z
        .string()
        .refine((text) => isPlace(text, 1), 'is not HOST:PORT, for example lanes.example.org:4602')
        .optional(),
    })
    .optional(),
  /**
   * Folders whose paths people may name when they add or export; administrators may name any. The
   * site reads and writes as its own account, so a path is a right: nobody else has any unless told.
   */
  folders: z.array(z.string().max(4096)).max(64),
  /** HOST:PORT of the API. */
  http: z.string().regex(/^.+:\d{1,5}$/, 'is not HOST:PORT, for example 127.0.0.1:4680'),
  /** Where people reach it from elsewhere, as behind a reverse proxy that speaks TLS: its origin. */
  url: z
    .string()
    .max(300)
    .refine(isOrigin, 'is not an address such as https://data.oslo.example, without a path')
    .optional(),
  /** How long another site may be silent while it is waited for, in milliseconds; 60,000 unless said. */
  silenceMs: z.int().min(1000).max(3_600_000).optional(),
  /** How long a question to the API may take to arrive, in milliseconds; 30,000 unless said. Uploads may take days. */
  questionMs: z.int().min(1000).max(600_000).optional(),
  /** Within how many days every held byte is read and hashed again; 30 unless said, 0 never. */
  scrubDays: z.int().min(0).max(3650).optional(),
  /** Where people log in who are known elsewhere: an OpenID Connect provider. */
  login: z
    .strictObject({
      issuer: z
        .string()
        .max(1000)
        .refine(
          isIssuer,
          'is not an address such as https://login.oslo.example (http only on this machine)',
        ),
      clientId: z.string().min(1).max(500),
      clientSecret: z.string().min(1).max(2000).optional(),
      /** A file of the machine with the secret alone in it. */
      clientSecretFile: z.string().regex(/^\//, 'is not a whole path').max(4096).optional(),
      name: z.string().min(1).max(60).refine(isPlain, 'has control characters'),
      scopes: z
        .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/, 'is not a scope'))
        .max(32)
        .refine((scopes) => scopes.includes('openid'), 'has no openid in it')
        .optional(),
      groupsClaim: z.string().min(1).max(200).optional(),
      create: z.boolean().optional(),
      domains: z.array(z.string().min(1).max(253)).min(1).max(100).optional(),
      trustEmail: z.boolean().optional(),
    })
    .refine(
      (login) => login.clientSecret === undefined || login.clientSecretFile === undefined,
      'has clientSecret and clientSecretFile; keep one',
    )
    .optional(),
  /**
   * HOST:PORT of places inside our own network that webhooks may lead to, also without encryption.
   * Only here: who administers the site in a browser does not decide what its machine may reach.
   */
  hooks: z
    .strictObject({
      allow: z.array(z.string().refine((text) => isPlace(text, 1), 'is not HOST:PORT')).max(32),
    })
    .optional(),
  /** How mail is sent; without it none is. */
  mail: mailShape.optional(),
})

/** Days within which every held byte is read again when nothing is said. */
export const defaultScrubDays = 30

export type Config = Readonly<z.infer<typeof shape>>

/** Every place in a home, and nothing else is written there. */
export type Home = Readonly<
  Record<
    | 'folder'
    | 'config'
    | 'key'
    | 'people'
    | 'hooks'
    | 'token'
    | 'run'
    | 'lock'
    | 'journal'
    | 'index'
    | 'store'
    | 'uploads',
    string
  >
>

export function homeAt(folder: string): Home {
  const at = (name: string) => join(folder, name)
  return Object.freeze({
    folder,
    config: at('config.json'),
    key: at('site.key'),
    /** A key for each person: what is sealed with it can be forgotten. */
    people: at('people'),
    /** What webhooks are signed with, a file for each. */
    hooks: at('hooks'),
    /** The first administrator's API token, for the command line on this machine. */
    token: at('token'),
    /** Written while the site runs: where its API answers. */
    run: at('run.json'),
    lock: at('lock'),
    journal: at('journal'),
    index: at('index'),
    store: at('store'),
    /** What people send from their browsers, until a dataset is made of it. */
    uploads: at('uploads'),
  })
}

export function createConfig(input: {
  name: string
  listen?: readonly string[] | undefined
  announce?: readonly string[] | undefined
  folders?: readonly string[] | undefined
  http?: string | undefined
  url?: string | undefined
  lane?: string | undefined
  announceLane?: string | undefined
}): Config {
  const listen = input.listen?.length ? input.listen.map(listenAddress) : [...defaultListen]
  const announce = (input.announce ?? []).map(listenAddress)
  if (input.lane === undefined && input.announceLane !== undefined) throw laneMissing()
  return parse(
    {
      v: 1,
      name: input.name,
      listen,
      announce,
      folders: [...(input.folders ?? [])],
      http: input.http ?? defaultHttp,
      ...(input.url === undefined ? {} : { url: input.url.replace(/\/$/, '') }),
      ...(input.lane === undefined
        ? {}
        : { lane: { listen: input.lane, announce: input.announceLane } }),
    },
    'the options of init',
  )
}

export async function readConfig(home: Home): Promise<Config> {
  const bytes = await readIfThere(home.config)
  if (bytes === undefined) {
    throw new Fault('missing', 'config.read', {
      about: home.folder,
      text: `There is no site in ${home.folder}. Make one with: crossload init --home ${home.folder} --name "Name of the site"`,
    })
  }
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new Fault('invalid', 'config.read', {
      about: home.config,
      text: `${home.config} is not JSON. Correct it.`,
      cause,
    })
  }
  return parse(value, home.config)
}

export async function writeConfig(home: Home, config: Config): Promise<void> {
  await writeDurably(
    home.config,
    new TextEncoder().encode(`${JSON.stringify(config, undefined, 2)}\n`),
  )
}

function parse(value: unknown, where: string): Config {
  const parsed = shape.safeParse(value)
  if (parsed.success) return Object.freeze(parsed.data)
  const issue = parsed.error.issues[0]
  throw new Fault('invalid', 'config.read', {
    about: where,
    text: `${where}: ${issue?.path.join('.') || 'it'} ${misfit(issue)}.`,
  })
}

function isPlain(text: string): boolean {
  return !/\p{Cc}/u.test(text)
}

function isIssuer(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || url.search !== '' || url.hash !== '' || url.username !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
}

function laneMissing(): Fault {
  return new Fault('invalid', 'config.lane', {
    text: '--announce-lane says where lanes are reached; --lane HOST:PORT must say where they are taken.',
  })
}

/** Scheme, name and port as a browser says them, and nothing more. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.parse(text)?.origin === text
}

/** HOST:PORT, with a port of at least `portMin`; 0 is a free one. */
function isPlace(text: string, portMin: number): boolean {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9.-]+):(\d{1,5})$/.exec(text)?.[1]
  return port !== undefined && Number(port) >= portMin && Number(port) <= 65535
}

/** A multiaddr as it is; `HOST:PORT` and `ws://HOST:PORT` as the multiaddr they mean. */
export function listenAddress(text: string): string {
  if (text.startsWith('/')) return text
  const found = /^(ws:\/\/)?(\[[0-9a-fA-F:]+\]|[^:/]+):(\d{1,5})$/.exec(text)
  if (found === null || Number(found[3]) > 65535) {
    throw new Fault('invalid', 'config.listen', {
      about: text,
      text: 'An address is HOST:PORT, ws://HOST:PORT, or a multiaddr such as /ip4/0.0.0.0/tcp/4600.',
    })
  }
  const [, ws, host, port] = found as unknown as [string, string | undefined, string, string]
  const ip = host.startsWith('[')
    ? `/ip6/${host.slice(1, -1)}`
    : /^[0-9.]+$/.test(host)
      ? `/ip4/${host}`
      : `/dns/${host}`
  return `${ip}/tcp/${port}${ws === undefined ? '' : '/ws'}`
}

/** HOST and PORT of the API's address. */
export function httpAddress(config: Config): { host: string; port: number } {
  const at = config.http.lastIndexOf(':')
  return {
    host: config.http.slice(0, at).replace(/^\[|\]$/g, ''),
    port: Number(config.http.slice(at + 1)),
  }
}
