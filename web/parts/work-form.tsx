import { Button, Group, Stack } from '@mantine/core'
import type { FormEvent, ReactNode } from 'react'
import type { Progress } from '../../api/client.ts'
import type { Fault } from '../../protocol/fault.ts'
import { Part } from './page.tsx'
import { Trouble } from './trouble.tsx'
import { Work } from './work.tsx'

type Working<T> = {
  isPending: boolean
  error: Fault | null
  data: T | undefined
  progress: Progress | undefined
}

/** A part that asks for something long: its fields, its one button, how far it is, and what came of it. */
export function WorkForm<T>({
  title,
  aside,
  verb,
  variant = 'default',
  isWhole,
  ask,
  of,
  done,
  children,
}: {
  title: string
  aside?: ReactNode
  /** What the button says. */
  verb: string
  variant?: 'default' | 'filled'
  /** All that is needed was said. */
  isWhole: boolean
  ask: () => void
  of: Working<T>
  done: (data: T) => ReactNode
  children: ReactNode
}) {
  function submit(event: FormEvent) {
    event.preventDefault()
    ask()
  }
  return (
    <Part title={title} aside={aside}>
      <form onSubmit={submit}>
        <Stack gap="xs">
          {children}
          {of.error && <Trouble fault={of.error} />}
          <Group>
            <Button type="submit" variant={variant} loading={of.isPending} disabled={!isWhole}>
              {verb}
            </Button>
          </Group>
          <Work of={of} />
          {of.data !== undefined && done(of.data)}
        </Stack>
      </form>
    </Part>
  )
}
