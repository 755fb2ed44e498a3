/** What waits for the reader: people and sites that ask, and transfers in which something went wrong. */
import type { Told } from '../api/routes.ts'
import { useAsk } from './site.ts'

/** How often it is looked, in milliseconds. */
const lookMs = 15_000
/** Transfers under way that are looked at. */
const runningMax = 1000

export type Waiting = {
  connections: number
  links: number
  faults: number
}

export function useWaiting({ you }: Pick<Told<'site.show'>, 'you'>): Waiting {
  const isAdministrator = you.role === 'administrator'
  const people = useAsk('connections.list', {}, { refetchInterval: lookMs })
  const sites = useAsk('links.list', {}, { refetchInterval: lookMs, enabled: isAdministrator })
  const running = useAsk('transfers.list', { running: true, limit: runningMax })
  return {
    connections: asking(people.data),
    links: isAdministrator ? asking(sites.data) : 0,
    faults: (running.data ?? []).filter(({ fault }) => fault !== undefined).length,
  }
}

const asking = (all: readonly { state: string; asked: string }[] = []) =>
  all.filter(({ state, asked }) => state === 'asked' && asked === 'there').length

/** How many wait behind each room of the menu. */
export function waitingIn(path: string, { connections, links, faults }: Waiting): number {
  if (path === '/') return faults
  if (path === '/profile') return connections
  return path === '/administration' ? links : 0
}
