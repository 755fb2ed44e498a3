/** How many notices are unread, as the site says it whenever that changes. */
import { useSyncExternalStore } from 'react'
import { renew } from '../site.ts'

let known: number | undefined
const moved = new EventTarget()

export function heardUnread(unread: number): void {
  if (unread === known) return
  known = unread
  moved.dispatchEvent(new Event('move'))
  void renew('notices.list')
}

/** Undefined until the site has said it. */
export function useUnread(): number | undefined {
  return useSyncExternalStore(listen, () => known)
}

function listen(wake: () => void): () => void {
  moved.addEventListener('move', wake)
  return () => moved.removeEventListener('move', wake)
}
