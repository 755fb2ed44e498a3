import { Box, Group } from '@mantine/core'
import type { ReactNode } from 'react'

/** A list for wide and narrow screens alike; one that may be long is a `LongList`. */
export function Rows({ label, children }: { label: string; children: ReactNode }) {
  return (
    <ul className="rows" aria-label={label}>
      {children}
    </ul>
  )
}

type Sides = { children: ReactNode; acts?: ReactNode }

export function Row(sides: Sides) {
  return (
    <li>
      <Line {...sides} />
    </li>
  )
}

/** What it is on the left, what can be done on the right. */
export function Line({ children, acts }: Sides) {
  return (
    <Group justify="space-between" align="center" gap="xs">
      <Box flex="1 1 200px" miw={0} className="long">
        {children}
      </Box>
      {acts !== undefined && <Group gap="xs">{acts}</Group>}
    </Group>
  )
}
