import { TextInput } from '@mantine/core'
import { rateOf } from '../../api/rates.ts'
import { Fault } from '../../protocol/fault.ts'

type Field = {
  label: string
  value: string
  set: (value: string) => void
  /** What holds when nothing is typed. */
  empty?: string
}

/** A rate as people write it. */
export function RateField({ label, value, set, empty = 'no limit' }: Field) {
  return (
    <TextInput
      label={label}
      placeholder={empty}
      flex="1 1 130px"
      value={value}
      error={rateIn(value) instanceof Fault && 'For example 500 kB/s, 10 MB/s, 100 Mbit/s or none'}
      onChange={(event) => set(event.currentTarget.value)}
    />
  )
}

/** Bytes per second, null for none; undefined when nothing is typed, a fault when it is no rate. */
export function rateIn(text: string): number | null | undefined | Fault {
  const typed = text.trim()
  if (typed === '') return undefined
  try {
    return rateOf(typed)
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown
    throw thrown
  }
}
