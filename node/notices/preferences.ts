/** Of what a person hears, and how. What they never chose is as it is here, also for kinds to come. */
import { type digests, type NoticeKind, noticeKinds } from '../../api/notices-shapes.ts'
import { Fault } from '../../protocol/fault.ts'
import { isZone } from '../base/wall.ts'

export type Digest = (typeof digests)[number]
export type Choice = { readonly centre: boolean; readonly mail: boolean }

/** What somebody chose. */
export type KeptPreferences = {
  readonly choices: Readonly<Partial<Record<NoticeKind, Choice>>>
  readonly digest: Digest
  /** Of the daily mail, 0 to 23, on the wall of `zone`. */
  readonly hour: number
  readonly zone: string
}

type Told = {
  /** In the words of the one who chooses. */
  readonly says: string
  readonly administrators?: true
  /** That mail does not arrive is not told by mail. */
  readonly unmailed?: true
}

export const kinds: Readonly<Record<NoticeKind, Told>> = {
  arrived: { says: 'A dataset or workflow arrived for me' },
  sent: { says: 'What I sent has arrived' },
  failed: { says: 'A transfer of mine failed, was refused or was cancelled there' },
  waiting: { says: 'What I sent waits for somebody at the other site' },
  stalled: { says: 'A transfer of mine has not moved for a while' },
  'connection-asked': { says: 'Somebody asks to connect with me' },
  'connection-accepted': { says: 'Somebody accepted my connection' },
  'link-asked': { says: 'Another site asks to be linked', administrators: true },
  damage: { says: 'Damaged content was found', administrators: true },
  'hook-paused': { says: 'A webhook has come to rest', administrators: true },
  'mail-failed': { says: 'Mail to somebody was given up', administrators: true, unmailed: true },
}

export const defaultHour = 7

export function defaultPreferences(zone: string): KeptPreferences {
  return { choices: {}, digest: 'each', hour: defaultHour, zone }
}

export function choiceOf({ choices }: KeptPreferences, kind: NoticeKind): Choice {
  const { centre, mail } = choices[kind] ?? { centre: true, mail: true }
  return { centre, mail: mail && kinds[kind].unmailed === undefined }
}

/** Those that can happen to such a person. */
export function kindsFor(role: 'administrator' | 'member'): NoticeKind[] {
  return noticeKinds.filter((kind) => role === 'administrator' || !kinds[kind].administrators)
}

export type PreferenceChanges = {
  readonly choices?:
    | readonly {
        readonly kind: NoticeKind
        readonly centre?: boolean | undefined
        readonly mail?: boolean | undefined
      }[]
    | undefined
  readonly digest?: Digest | undefined
  readonly hour?: number | undefined
  readonly zone?: string | undefined
}

/** Faults `invalid` for a zone that nobody knows. */
export function changed(was: KeptPreferences, changes: PreferenceChanges): KeptPreferences {
  const { digest = was.digest, hour = was.hour, zone = was.zone } = changes
  if (zone !== was.zone) demandZone(zone)
  const choices = { ...was.choices }
  for (const { kind, ...wanted } of changes.choices ?? []) {
    const { centre, mail } = choices[kind] ?? { centre: true, mail: true }
    choices[kind] = { centre: wanted.centre ?? centre, mail: wanted.mail ?? mail }
  }
  return { choices, digest, hour, zone }
}

function demandZone(zone: string): void {
  if (isZone(zone)) return
  throw new Fault('invalid', 'notices.prefer', {
    about: zone,
    text: 'There is no such time zone. Write one like Europe/Oslo.',
  })
}
