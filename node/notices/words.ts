/**
 * What a notice says, made when it is read: in the console, on the command line and in a mail alike.
 * Names come from people and from other sites; what does not show as itself in them is written out.
 */
import type { TransferView } from '../../api/shapes.ts'
import { countText, durationText, visible } from '../../api/words.ts'
import type { ConnectionId, LinkId, TransferId, UserId } from '../../protocol/ids.ts'
import type { Notice } from './notice.ts'

/** What is known of things by their IDs now; undefined where it is gone, or not this person's. */
export interface Lookup {
  transfer(id: TransferId): Promise<TransferView | undefined>
  connection(user: UserId, id: ConnectionId): { person: string; alias: string } | undefined
  /** What the site calls itself. */
  link(id: LinkId): string | undefined
  /** Where the webhook leads. */
  hook(id: number): string | undefined
  email(id: UserId): Promise<string | undefined>
}

export type Words = {
  /** One line. */
  readonly title: string
  /** What to do next, or what else there is to know. */
  readonly text?: string | undefined
  /** The page of the console that is about it. */
  readonly path: string
}

/** Characters of a name in a line; a name may be longer than a line is. */
const nameMax = 100

function named(text: string): string {
  const shown = visible(text)
  return shown.length <= nameMax ? shown : `${shown.slice(0, nameMax)}…`
}

/** How long nothing may move before a transfer counts as stalled, in milliseconds. */
export const stallMs = 30 * 60_000

export async function wordsOf(notice: Notice, look: Lookup): Promise<Words> {
  const { kind, about, user } = notice
  switch (kind) {
    case 'arrived':
    case 'sent':
    case 'failed':
    case 'waiting':
    case 'stalled':
      return ofTransfer(notice, await look.transfer(about.transfer!))
    case 'connection-asked':
    case 'connection-accepted': {
      const found = look.connection(user, about.connection!)
      const who = found === undefined ? 'Somebody' : `${named(found.person)} at ${found.alias}`
      return kind === 'connection-asked'
        ? {
            title: `${who} asks to connect with you.`,
            text: 'Accept it in your profile, under External Connections, or remove it.',
            path: '/profile',
          }
        : {
            title: `${who} accepted your connection.`,
            text: 'Both of you can send each other datasets and workflows now.',
            path: '/profile',
          }
    }
    case 'link-asked': {
      const name = look.link(about.link!)
      return {
        title: `${name === undefined ? 'A site' : `The site "${named(name)}"`} asks to be linked.`,
        text: 'Compare its fingerprint with its administrator, then accept or refuse it under Administration.',
        path: '/administration#links',
      }
    }
    case 'damage': {
      const count = about.count ?? 1
      return {
        title: `Damaged content was found: ${countText(count, 'thing')}.`,
        text: 'Administration, Storage says what it is and how to have it again.',
        path: '/administration#storage',
      }
    }
    case 'hook-paused': {
      const place = look.hook(about.hook!)
      return {
        title: `Webhook ${about.hook}${place === undefined ? '' : ` to ${named(place)}`} has come to rest.`,
        text: 'Administration, Webhooks says why; it goes on when you try it there.',
        path: '/administration#hooks',
      }
    }
    case 'mail-failed': {
      const email = await look.email(about.person!)
      return {
        title: `Mail to ${email === undefined ? 'somebody' : named(email)} was given up.`,
        text: 'Check the address, and that the mail server takes mail from this site: Administration, Mail.',
        path: '/administration#mail',
      }
    }
  }
}

function ofTransfer({ kind, about }: Notice, view: TransferView | undefined): Words {
  const path = `/transfers/${about.transfer}`
  if (view === undefined) return { title: 'A transfer that is not known here any more.', path }
  const what = whatOf(view)
  const are = view.dataset === undefined && view.workflows.length > 1
  const out = view.direction === 'out'
  const there = out ? view.destination : view.source
  const place = named(there.alias ?? there.name)
  const who = named(there.person)
  switch (kind) {
    case 'arrived': {
      const id = view.destination.dataset
      return {
        title: `${what} arrived from ${who} at ${place}.`,
        ...(view.dataset === undefined || id === undefined
          ? {}
          : { text: `It is dataset ${id} here, version ${view.destination.version ?? 1}.` }),
        path:
          view.dataset !== undefined && about.dataset !== undefined
            ? `/datasets/${about.dataset}`
            : about.workflow !== undefined
              ? `/workflows/${about.workflow}`
              : path,
      }
    }
    case 'sent': {
      const id = view.destination.dataset
      return {
        title: `${what} ${are ? 'have' : 'has'} arrived at ${place}, for ${who}.`,
        ...(view.dataset === undefined || id === undefined
          ? {}
          : { text: `It is dataset ${id} there; workflows can follow to it by this number.` }),
        path,
      }
    }
    case 'waiting':
      return {
        title: `${what} ${are ? 'wait' : 'waits'} at ${place}.`,
        text: 'Somebody there decides whether it is taken. Nothing is to be done here.',
        path,
      }
    case 'stalled':
      return {
        title: `${what} ${out ? `to ${place}` : `from ${place}`}: nothing has moved for ${durationText(stallMs / 1000)}.`,
        text: `${view.fault === undefined ? '' : `${named(view.fault.text)} `}It goes on by itself when that is possible; its page can pause or cancel it.`,
        path,
      }
    default:
      return {
        title: `${what} ${out ? `to ${place}` : `from ${place}`} ${endOf(view)}.`,
        ...(view.fault === undefined ? {} : { text: visible(view.fault.text) }),
        path,
      }
  }
}

function endOf({ state }: TransferView): string {
  if (state === 'refused') return 'was refused'
  return state === 'cancelled' ? 'was cancelled there' : 'failed'
}

function whatOf({ dataset, workflows }: TransferView): string {
  const [first] = workflows
  const some =
    workflows.length === 1 && first !== undefined
      ? `workflow "${named(first)}"`
      : countText(workflows.length, 'workflow')
  if (dataset === undefined) return some[0]!.toUpperCase() + some.slice(1)
  return workflows.length === 0 ? `"${named(dataset)}"` : `"${named(dataset)}" with ${some}`
}
