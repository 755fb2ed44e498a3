/** How many notices are unread, as the site says it whenever that changes. */
import { useSyncExternalStore } from 'react'
import { renew } from '../site.ts'

let known: number | undefined
const moved = new EventTarget()

export function heardUnread(unread: number): void {
  if (unread === known) return
  known = unread
  moved.dispatchEvent(new Event('move'))
  // Most of them are about somebody who asks or who has answered.
  void renew('notices.list', 'connections.list', 'links.list')
}

/** Undefined until the site has said it. */
export function useUnread(): number | undefined {
  return useSyncExternalStore(listen, () => known)
}

function listen(wake: () => void): () => void {
  moved.addEventListener('move', wake)
  return () => moved.removeEventListener('move', wake)
}
