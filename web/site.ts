/** The site that this page came from: what is asked of it, and what it answered last. */
import {
  type InfiniteData,
  QueryCache,
  QueryClient,
  type QueryKey,
  useInfiniteQuery,
  useMutation,
  useQuery,
} from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { createClient, type Progress } from '../api/client.ts'
import type { Asked, CallName, Told } from '../api/routes.ts'
import { Fault } from '../protocol/fault.ts'

/** At the build, where the first page is drawn, there is no site and nothing is asked. */
export const site = createClient({ url: globalThis.location?.origin ?? 'http://localhost' })

export const queries = new QueryClient({
  queryCache: new QueryCache({
    // A session that ended is noticed by whatever asks next; who we are then decides what is shown.
    onError: (fault, { queryKey: [name] }) => {
      if (name !== 'site.show' && fault instanceof Fault && fault.kind === 'denied') {
        void queries.invalidateQueries({ queryKey: ['site.show'] })
      }
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, fault) => fault instanceof Fault && fault.again && count < 2,
    },
  },
})

/** A question, asked when the page shows it and again when the answer has become old. */
export function useAsk<R extends CallName>(
  name: R,
  input: Asked<R>,
  options: { enabled?: boolean; refetchInterval?: number } = {},
) {
  return useQuery<Told<R>, Fault>({ ...askOf(name, input), ...options })
}

const askOf = <R extends CallName>(name: R, input: Asked<R>) => ({
  queryKey: [name, input],
  queryFn: ({ signal }: { signal: AbortSignal }) => site.call(name, input, { signal }),
})

/** Resolves when it is known who asks, or that it cannot be known: `useAsk('site.show')` then has it at once. */
export const knowWho = (): Promise<void> => queries.prefetchQuery(askOf('site.show', {}))

type Paged =
  | 'datasets.list'
  | 'workflows.list'
  | 'transfers.list'
  | 'datasets.files'
  | 'datasets.folder'
  | 'journal.read'
  | 'notices.list'
type After = number | string | undefined

/** A list that comes page by page; `nextOf` says after what the next page begins. */
export function usePages<R extends Paged>(
  name: R,
  input: Asked<R>,
  nextOf: (page: Told<R>) => After,
) {
  const queryKey = [name, input, 'pages']
  const text = JSON.stringify(queryKey)
  // Whoever comes back begins at the top again: the pages behind the first are not asked for anew.
  useEffect(() => () => shorten(JSON.parse(text)), [text])
  return useInfiniteQuery<Told<R>, Fault, InfiniteData<Told<R>, After>, QueryKey, After>({
    queryKey,
    queryFn: ({ pageParam, signal }) =>
      site.call(name, { ...input, ...(pageParam && { after: pageParam }) } as Asked<R>, { signal }),
    initialPageParam: undefined,
    getNextPageParam: nextOf,
    refetchOnWindowFocus: false,
  })
}

/** Of a list of items with IDs: a page that is not full is the last. */
export function lastOf(limit: number) {
  return <K extends number | string>(page: readonly { id: K }[]): K | undefined =>
    page.length < limit ? undefined : page.at(-1)!.id
}

function shorten(queryKey: QueryKey): void {
  queries.setQueryData<InfiniteData<unknown>>(queryKey, (old) =>
    old === undefined || old.pages.length < 2
      ? old
      : { pages: old.pages.slice(0, 1), pageParams: old.pageParams.slice(0, 1) },
  )
}

/** The most pages of one list that are asked for again when something changed. */
const againMax = 2

/**
 * What was answered to these questions is old. A list of which somebody has turned many pages stays as
 * it is under their eyes, and is asked for anew when they come back.
 */
export function renew(...names: readonly CallName[]): Promise<unknown> {
  return queries.invalidateQueries({
    predicate: ({ queryKey: [name], state }) =>
      names.includes(name as CallName) && pagesOf(state.data) <= againMax,
  })
}

function pagesOf(data: unknown): number {
  return typeof data === 'object' && data !== null && 'pages' in data
    ? (data.pages as unknown[]).length
    : 1
}

/** An act, and the questions whose answers it makes old. */
export function useAct<R extends CallName>(name: R, changes: readonly CallName[]) {
  return useMutation<Told<R>, Fault, Asked<R>>({
    mutationFn: (input) => site.call(name, input),
    onSuccess: () => renew(...changes),
  })
}

/** An act that takes a while, and how far it is. It goes on while other pages are looked at. */
export function useWork<R extends CallName>(name: R, changes: readonly CallName[]) {
  const [progress, setProgress] = useState<Progress>()
  const act = useMutation<Told<R>, Fault, Asked<R>>({
    mutationFn: (input) => site.call(name, input, { onProgress: setProgress }),
    onMutate: () => setProgress(undefined),
    onSuccess: () => renew(...changes),
  })
  return { ...act, progress }
}
