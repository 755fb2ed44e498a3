import { Text } from '@mantine/core'
import type { ReactNode } from 'react'

/** Names and values, one a line; what is absent has no line. */
export function Facts({ rows }: { rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {rows
        .filter(([, value]) => !isAbsent(value))
        .map(([name, value]) => (
          <div key={name}>
            <Text component="dt" size="sm" c="dimmed">
              {name}
            </Text>
            <Text component="dd" size="sm" m={0} className="long figures">
              {value}
            </Text>
          </div>
        ))}
    </dl>
  )
}

function isAbsent(value: ReactNode): boolean {
  if (Array.isArray(value)) return value.length === 0
  return value === undefined || value === '' || value === false
}
