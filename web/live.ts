/** Transfers as they move and what is unread: one stream for the whole console, put where pages read. */
import type { InfiniteData } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { ToldTransfer } from '../api/shapes.ts'
import { Fault } from '../protocol/fault.ts'
import { heardUnread } from './notices/unread.ts'
import { heardRate } from './rates.ts'
import { queries, renew, site } from './site.ts'

const againMs = 3_000

/** `cut` while the stream is down; what is shown may then be old. */
export function useLive(): 'live' | 'cut' {
  const [state, setState] = useState<'live' | 'cut'>('live')
  useEffect(() => {
    const leaving = new AbortController()
    void follow(leaving.signal, setState)
    return () => leaving.abort()
  }, [])
  return state
}

async function follow(signal: AbortSignal, tell: (state: 'live' | 'cut') => void): Promise<void> {
  while (!signal.aborted) {
    try {
      // The stream itself says nothing until something moves, so whether anybody is there is asked first.
      await site.call('site.health', {}, { signal })
      tell('live')
      // What moved while nobody listened is in the list.
      void renew('transfers.list', 'transfers.show')
      for await (const told of site.follow('notices.watch', {}, { signal })) {
        if (told.transfer !== undefined) keep(told.transfer)
        if (told.unread !== undefined) heardUnread(told.unread)
      }
    } catch (thrown) {
      if (signal.aborted) return
      tell('cut')
      if (thrown instanceof Fault && thrown.kind === 'denied') {
        void queries.invalidateQueries({ queryKey: ['site.show'] })
      }
    }
    await rest(againMs, signal)
  }
}

type Kept = ToldTransfer[] | InfiniteData<ToldTransfer[]> | undefined

function keep(view: ToldTransfer): void {
  queries.setQueriesData<Kept>({ queryKey: ['transfers.list'] }, (list) => {
    if (list === undefined) return list
    if (Array.isArray(list)) return placed(list, view)
    const at = list.pages.findIndex((page) => page.some(({ id }) => id === view.id))
    const page = Math.max(at, 0)
    return { ...list, pages: list.pages.with(page, placed(list.pages[page] ?? [], view)) }
  })
  queries.setQueryData(['transfers.show', { id: view.id }], view)
  heardRate(view)
  // What has been imported is in lists that were asked before.
  if (view.state === 'done') void renew('datasets.list', 'workflows.list')
}

/** In its place, or as the newest; a list that is narrowed takes in nothing new. */
function placed(list: ToldTransfer[], view: ToldTransfer): ToldTransfer[] {
  const at = list.findIndex(({ id }) => id === view.id)
  if (at >= 0) return list.with(at, view)
  return view.endedAt === undefined ? [view, ...list] : list
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
