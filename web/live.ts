/** Transfers as they move: one stream for the whole console, put into the list that pages read. */
import { useEffect, useState } from 'react'
import type { ToldTransfer } from '../api/shapes.ts'
import { Fault } from '../protocol/fault.ts'
import { queries, site } from './site.ts'

/** What every page that shows transfers asks, so that all of them show the same. */
export const historyAsked = { limit: 500 }
const historyKey = ['transfers.list', historyAsked]
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
      void queries.invalidateQueries({ queryKey: ['transfers.list'] })
      for await (const view of site.follow('transfers.watch', {}, { signal })) keep(view)
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

function keep(view: ToldTransfer): void {
  queries.setQueryData<ToldTransfer[]>(historyKey, (list) => {
    if (list === undefined) return list
    const at = list.findIndex(({ id }) => id === view.id)
    return at < 0 ? [view, ...list] : list.with(at, view)
  })
  queries.setQueryData(['transfers.show', { id: view.id }], view)
  // What has been imported is in lists that were asked before.
  if (view.state === 'done') {
    void queries.invalidateQueries({ queryKey: ['datasets.list'] })
    void queries.invalidateQueries({ queryKey: ['workflows.list'] })
  }
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
