import { TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { type ReactNode, useState } from 'react'

/** How long one may go on typing before the site is asked, in milliseconds. */
const settledMs = 300

/** What is searched for once it has settled, and the box in which it is typed. */
export function useFilter(label: string): { search: { search?: string }; box: ReactNode } {
  const [typed, setTyped] = useState('')
  const [settled] = useDebouncedValue(typed.trim(), settledMs)
  const box = (
    <TextInput
      label={label}
      type="search"
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
    />
  )
  return { search: settled === '' ? {} : { search: settled }, box }
}
