/** A dataset's folders as they are opened: what has been read of each, and what is asked for next. */
import { useCallback, useEffect, useRef, useState } from 'react'
import { asFault, type Fault } from '../../protocol/fault.ts'
import { site } from '../site.ts'
import type { Thing } from './choice.ts'

export type Opened = {
  readonly inside: readonly Thing[]
  /** After which path it goes on; absent when all of it was read. */
  readonly next?: string | undefined
  readonly state: 'ready' | 'asking' | Fault
}

export type Line =
  | { readonly is: 'thing'; readonly thing: Thing; readonly depth: number; readonly open: boolean }
  | { readonly is: 'more'; readonly folder: string; readonly depth: number; readonly of: Opened }

const nothing: Opened = { inside: [], state: 'ready' }

export function useFolders(dataset: number) {
  const [opened, setOpened] = useState<ReadonlyMap<string, Opened>>(new Map())
  const leaving = useRef(new AbortController())
  useEffect(() => {
    leaving.current = new AbortController()
    return () => leaving.current.abort()
  }, [])
  const put = useCallback((folder: string, change: (before: Opened) => Opened) => {
    setOpened((all) => new Map(all).set(folder, change(all.get(folder) ?? nothing)))
  }, [])
  const read = useCallback(
    async (folder: string, after?: string) => {
      const { signal } = leaving.current
      put(folder, (before) => ({ ...before, state: 'asking' }))
      try {
        const asked = { id: dataset, folder, after }
        const { inside, next } = await site.call('datasets.folder', asked, { signal })
        put(folder, (before) => ({ inside: [...before.inside, ...inside], next, state: 'ready' }))
      } catch (thrown) {
        if (!signal.aborted)
          put(folder, (before) => ({ ...before, state: asFault(thrown, 'datasets.folder') }))
      }
    },
    [dataset, put],
  )
  const close = useCallback((folder: string) => {
    setOpened((all) => new Map([...all].filter(([path]) => path !== folder)))
  }, [])
  return { opened, read, close }
}

/** What is open, line by line, in the order in which it is read. */
export function linesOf(
  opened: ReadonlyMap<string, Opened>,
  folder: string,
  depth: number,
): Line[] {
  const of = opened.get(folder)
  if (of === undefined) return []
  const lines = of.inside.flatMap((thing): Line[] => {
    const line = { is: 'thing' as const, thing, depth, open: opened.has(thing.path) }
    return thing.folder ? [line, ...linesOf(opened, thing.path, depth + 1)] : [line]
  })
  const isWhole = of.state === 'ready' && of.next === undefined
  return isWhole ? lines : [...lines, { is: 'more', folder, depth, of }]
}
