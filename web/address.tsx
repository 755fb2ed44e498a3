/** Where we are: the browser's address, and going elsewhere without loading the page again. */

import { Anchor } from '@mantine/core'
import { type MouseEvent, type ReactNode, useSyncExternalStore } from 'react'

const moved = new EventTarget()

function listen(wake: () => void): () => void {
  window.addEventListener('popstate', wake)
  moved.addEventListener('move', wake)
  return () => {
    window.removeEventListener('popstate', wake)
    moved.removeEventListener('move', wake)
  }
}

export function useAddress(): string {
  // What is drawn at the build is drawn before there is an address.
  return useSyncExternalStore(
    listen,
    () => window.location.pathname,
    () => '/',
  )
}

/** What stands after the `#`: which part of a page is open. */
export function useHash(): string {
  return useSyncExternalStore(listen, () => window.location.hash.slice(1))
}

/** Another part of the same page; nothing is scrolled, and going back leaves the page. */
export function turnTo(part: string): void {
  window.history.replaceState(null, '', `#${part}`)
  moved.dispatchEvent(new Event('move'))
}

export function go(to: string): void {
  window.history.pushState(null, '', to)
  moved.dispatchEvent(new Event('move'))
  window.scrollTo(0, 0)
}

/** For any element that is an `<a>`: a plain click stays in the page, every other is the browser's. */
export function leading(to: string) {
  return {
    href: to,
    onClick: (event: MouseEvent) => {
      if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return
      event.preventDefault()
      go(to)
    },
  }
}

export function Way({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Anchor {...leading(to)} className="long" underline="always" inherit>
      {children}
    </Anchor>
  )
}
