import { Group, Loader, Text } from '@mantine/core'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { Fault } from '../../protocol/fault.ts'
import { More } from './more.tsx'
import { Trouble } from './trouble.tsx'

export type Paged = {
  hasNextPage: boolean
  isFetchingNextPage: boolean
  error: Fault | null
  fetchNextPage(): Promise<unknown>
}

/** Of a list that came as a whole. */
export const allThere: Paged = {
  hasNextPage: false,
  isFetchingNextPage: false,
  error: null,
  fetchNextPage: async () => {},
}

type Shown<T> = {
  label: string
  items: readonly T[]
  keyOf: (item: T) => string | number
  row: (item: T) => ReactNode
  /** Where more comes from. */
  of: Paged
  /** The button for more, where it does not come by itself. */
  more?: string
}

/** A row as it is before it has been measured, in pixels. */
const rowPixels = 64
/** Rows beyond what is seen, so that a keyboard finds the next one; and from when on more is asked for. */
const beyond = 20

/**
 * A list of any length: only the rows that are near the window are on the page, and the next page is
 * asked for when its place comes near.
 */
export function LongList<T>({ label, items, keyOf, row, of, more }: Shown<T>) {
  const list = useRef<HTMLUListElement>(null)
  const [top, setTop] = useState(0)
  useLayoutEffect(() => {
    const now = (list.current?.getBoundingClientRect().top ?? 0) + window.scrollY
    setTop((before) => (Math.abs(now - before) < 1 ? before : now))
  })
  const rows = useWindowVirtualizer({
    count: items.length,
    estimateSize: () => rowPixels,
    getItemKey: (index) => keyOf(items[index]!),
    overscan: beyond,
    scrollMargin: top,
    useFlushSync: false,
  })
  const shown = rows.getVirtualItems()
  const { hasNextPage, isFetchingNextPage, error, fetchNextPage } = of
  const isNear = items.length > 0 && (shown.at(-1)?.index ?? 0) >= items.length - beyond
  const wants = isNear && hasNextPage && !isFetchingNextPage && error === null
  useEffect(() => {
    if (wants) void fetchNextPage()
  }, [wants, fetchNextPage])
  const before = (shown[0]?.start ?? top) - top
  const after = rows.getTotalSize() - ((shown.at(-1)?.end ?? top) - top)
  return (
    <>
      <ul
        className="rows"
        aria-label={label}
        ref={list}
        style={{ paddingTop: before, paddingBottom: Math.max(after, 0) }}
      >
        {shown.map(({ index, key }) => (
          <li
            key={key}
            ref={rows.measureElement}
            data-index={index}
            aria-posinset={index + 1}
            aria-setsize={hasNextPage ? -1 : items.length}
          >
            {row(items[index]!)}
          </li>
        ))}
      </ul>
      {error !== null && items.length > 0 && (
        <Trouble fault={error} again={() => void fetchNextPage()} />
      )}
      {items.length === 0 && <More of={of} {...(more !== undefined && { what: more })} />}
      {isFetchingNextPage && (
        <Group gap="xs" py="sm" role="status">
          <Loader size="xs" /> <Text c="dimmed">More…</Text>
        </Group>
      )}
    </>
  )
}
