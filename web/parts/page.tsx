import { Group, Loader, Paper, Stack, Text, Title } from '@mantine/core'
import { type ReactNode, useEffect, useRef } from 'react'
import type { Fault } from '../../protocol/fault.ts'
import { Trouble } from './trouble.tsx'

/** A page: its heading is where a screen reader goes on after a change of place. */
export function Page({
  title,
  aside,
  children,
}: {
  title: string
  aside?: ReactNode
  children: ReactNode
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} – Crossload`
    heading.current?.focus({ preventScroll: true })
  }, [title])
  return (
    <Stack gap="md">
      <Group justify="space-between" wrap="wrap">
        <Title order={1} size="h2" ref={heading} tabIndex={-1} className="long heading">
          {title}
        </Title>
        {aside}
      </Group>
      {children}
    </Stack>
  )
}

/** A part of a page with a heading of its own. */
export function Part({
  title,
  aside,
  children,
}: {
  title: string
  aside?: ReactNode
  children: ReactNode
}) {
  return (
    <Paper withBorder p="md" component="section" aria-label={title}>
      <Group justify="space-between" mb="sm" wrap="wrap">
        <Title order={2} size="h4">
          {title}
        </Title>
        {aside}
      </Group>
      {children}
    </Paper>
  )
}

/** Nothing here yet, and what to do about it. */
export function Empty({ children }: { children: ReactNode }) {
  return (
    <Text c="dimmed" py="sm">
      {children}
    </Text>
  )
}

export type Answer<T> = {
  data: T | undefined
  error: Fault | null
  refetch: () => unknown
}

/** A question's three outcomes; what was known stays on the page beside a later failure. */
export function Answered<T>({ of, children }: { of: Answer<T>; children: (data: T) => ReactNode }) {
  const { data, error, refetch } = of
  return (
    <>
      {error !== null && <Trouble fault={error} again={() => void refetch()} />}
      {data !== undefined && children(data)}
      {data === undefined && error === null && <Asking />}
    </>
  )
}

export function Asking() {
  return (
    <Group gap="xs" py="sm" role="status">
      <Loader size="xs" /> <Text c="dimmed">Asking the site…</Text>
    </Group>
  )
}

/** Before it is known who asks. */
export function AskingWho() {
  return (
    <Stack p="md" component="main">
      <Asking />
    </Stack>
  )
}
