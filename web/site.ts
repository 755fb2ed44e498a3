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
import { createClient } from '../api/client.ts'
import type { Asked, CallName, Told } from '../api/routes.ts'
import { Fault } from '../protocol/fault.ts'

export const site = createClient({ url: window.location.origin })

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
  return useQuery<Told<R>, Fault>({
    queryKey: [name, input],
    queryFn: ({ signal }) => site.call(name, input, { signal }),
    ...options,
  })
}

type Paged = 'datasets.list' | 'workflows.list' | 'datasets.files' | 'journal.read'
type After = number | string | undefined

/** A list that comes page by page; `nextOf` says after what the next page begins. */
export function usePages<R extends Paged>(
  name: R,
  input: Asked<R>,
  nextOf: (page: Told<R>) => After,
  options: { enabled?: boolean } = {},
) {
  return useInfiniteQuery<Told<R>, Fault, InfiniteData<Told<R>, After>, QueryKey, After>({
    queryKey: [name, input, 'pages'],
    queryFn: ({ pageParam, signal }) =>
      site.call(name, { ...input, ...(pageParam && { after: pageParam }) } as Asked<R>, { signal }),
    initialPageParam: undefined,
    getNextPageParam: nextOf,
    ...options,
  })
}

/** An act, and the questions whose answers it makes old. */
export function useAct<R extends CallName>(name: R, changes: readonly CallName[]) {
  return useMutation<Told<R>, Fault, Asked<R>>({
    mutationFn: (input) => site.call(name, input),
    onSuccess: () =>
      Promise.all(changes.map((one) => queries.invalidateQueries({ queryKey: [one] }))),
  })
}
