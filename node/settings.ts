/** What the site was told, for its administrators to read: a sentence for every field of its configuration, and no secret. */
import type { Config, Home } from './config.ts'
import { defaultScrubDays } from './config.ts'

type Row = { value: string | undefined; other: string; says: string }
type Shown = { name: string; value: string; isDefault: boolean; says: string }

export function settingsOf(
  config: Config,
  home: Pick<Home, 'config'>,
): { file: string; settings: Shown[] } {
  const rows: Record<Exclude<keyof Config, 'v'>, Row> = {
    name: { value: config.name, other: '', says: 'What other sites are told that we are called.' },
    listen: {
      value: listed(config.listen),
      other: '',
      says: 'Where other sites reach us, as multiaddrs.',
    },
    announce: {
      value: listed(config.announce),
      other: 'what it listens at',
      says: 'The addresses that other sites are told instead, as behind a proxy or a router.',
    },
    lane: {
      value: config.lane && listed([config.lane.listen, ...announcedLane(config)]),
      other: 'none: everything goes over the addresses above',
      says: 'HOST:PORT where direct lanes for content are taken, and what others are told instead.',
    },
    folders: {
      value: listed(config.folders),
      other: 'none: only administrators may name paths of this machine',
      says: 'Folders whose paths people may name when they add or export.',
    },
    http: {
      value: config.http,
      other: '',
      says: 'HOST:PORT where this console and the API answer.',
    },
    url: {
      value: config.url,
      other: 'where people reach it at the moment',
      says: 'Where people reach this site with their browsers, as behind a proxy; links that it makes begin so.',
    },
    login: {
      value: config.login && `${config.login.name}: ${config.login.issuer}`,
      other: 'none: people come in with passwords',
      says: 'The institution at which people may log in instead; its secret is not shown.',
    },
    silenceMs: {
      value: config.silenceMs === undefined ? undefined : `${config.silenceMs}`,
      other: '60000',
      says: 'How long another site may be silent while it is waited for, in milliseconds.',
    },
    questionMs: {
      value: config.questionMs === undefined ? undefined : `${config.questionMs}`,
      other: '30000',
      says: 'How long a question to the API may take to arrive, in milliseconds; uploads may take days.',
    },
    scrubDays: {
      value: config.scrubDays === undefined ? undefined : `${config.scrubDays}`,
      other: `${defaultScrubDays}`,
      says: 'Within how many days every held byte is read again; 0 is never.',
    },
    mail: {
      value: config.mail && `${config.mail.from}, by ${config.mail.host}:${config.mail.port}`,
      other: 'none: nobody gets mail from this site',
      says: 'From which address and by which server mail is sent; its password is not shown.',
    },
    hooks: {
      value: listed(config.hooks?.allow ?? []),
      other: 'none',
      says: 'HOST:PORT of places in our own network that webhooks may lead to.',
    },
  }
  const settings = Object.entries(rows).map(([name, { value, other, says }]) => ({
    ...{ name, value: value ?? other, isDefault: value === undefined, says },
  }))
  return { file: home.config, settings }
}

const announcedLane = ({ lane }: Config) =>
  lane?.announce === undefined ? [] : [`told to others: ${lane.announce}`]

const listed = (all: readonly string[]) => (all.length === 0 ? undefined : all.join(', '))
