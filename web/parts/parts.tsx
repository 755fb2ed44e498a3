import { Tabs } from '@mantine/core'
import type { ReactNode } from 'react'
import { turnTo, useHash } from '../address.tsx'

type OnePart = { readonly id: string; readonly name: string; readonly shows: () => ReactNode }

/** Parts of a page, of which one is open; the address says which, so that a link can lead there. */
export function Parts({ parts }: { parts: readonly OnePart[] }) {
  const hash = useHash()
  const open = parts.find(({ id }) => id === hash) ?? parts[0]!
  return (
    <Tabs value={open.id} onChange={(id) => turnTo(id ?? '')} keepMounted={false}>
      <Tabs.List>
        {parts.map(({ id, name }) => (
          <Tabs.Tab key={id} value={id}>
            {name}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {parts.map(({ id, shows }) => (
        <Tabs.Panel key={id} value={id} pt="md">
          {id === open.id && shows()}
        </Tabs.Panel>
      ))}
    </Tabs>
  )
}
