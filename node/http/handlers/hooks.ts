import { hookEvents } from '../../../api/hook-events.ts'
import { type HookNow, stateOf } from '../../hooks/hooks.ts'
import type { Handlers } from '../doors.ts'

type Names = 'hooks.list' | 'hooks.add' | 'hooks.remove' | 'hooks.resume' | 'hooks.test'

export const hooksHandlers: Handlers<Names> = {
  'hooks.list': ({ doors }) => doors.hooks.list().map(viewHook),
  'hooks.add': async ({ doors, by, input: { url, events = hookEvents }, signal }) => {
    const { secret, ...made } = await doors.hooks.add({ url, events }, { user: by.id }, { signal })
    return { ...viewHook(made), secret }
  },
  'hooks.remove': async ({ doors, by, input: { id } }) =>
    viewHook(await doors.hooks.remove(id, { user: by.id })),
  'hooks.resume': async ({ doors, by, input: { id, skip = false } }) =>
    viewHook(await doors.hooks.resume(id, { skip }, { user: by.id })),
  'hooks.test': ({ doors, input: { id }, signal }) => doors.hooks.test(id, { signal }),
}

function viewHook(now: HookNow) {
  const { hook, position } = now
  const { id, url, events, madeAt, paused } = hook
  const { failing, deliveries } = position
  return {
    ...{ id, url, madeAt, state: stateOf(now) },
    events: [...new Set(events)],
    ...(paused === undefined ? {} : { problem: paused }),
    ...(failing === undefined ? {} : { failingSince: failing.since }),
    ...(failing === undefined || paused !== undefined ? {} : { nextTryAt: failing.nextAt }),
    deliveries: deliveries.map((one) => ({ ...one })),
  }
}
