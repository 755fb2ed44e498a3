/** What would cross, counted at the destination before anything is sent. */
import { List, Stack, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import type { Asked, Told } from '../../api/routes.ts'
import { countText, sizeText, visible } from '../../api/words.ts'
import type { Fault } from '../../protocol/fault.ts'
import { Trouble } from '../parts/trouble.tsx'
import { site } from '../site.ts'

type Input = Asked<'transfers.send'>
type Counted = Told<'transfers.dry-run'>

/** How long one may go on typing before the destination is asked, in milliseconds. */
const settledMs = 500

export type DryRun = {
  data: Counted | undefined
  fault: Fault | null
  again: () => void
  /** Why it would be refused there; sending it would only end the same way. */
  refused: string | undefined
}

/** Asked anew whenever the choice has settled. */
export function useDryRun(input: Input, enabled: boolean): DryRun {
  const now = JSON.stringify(input)
  const [settled] = useDebouncedValue(now, settledMs)
  const isSettled = settled === now && enabled
  const run = useQuery<Counted, Fault>({
    queryKey: ['transfers.dry-run', settled],
    queryFn: ({ signal }) => site.call('transfers.dry-run', JSON.parse(settled), { signal }),
    enabled: isSettled,
    retry: false,
    gcTime: 0,
  })
  // An answer to an earlier choice is not shown beside this one.
  const data = isSettled ? run.data : undefined
  const fault = isSettled ? run.error : null
  return { data, fault, again: () => void run.refetch(), refused: whyNot(input, data, fault) }
}

/** What may be tried again later is begun all the same: it waits until the destination answers. */
function whyNot(input: Input, data: Counted | undefined, fault: Fault | null): string | undefined {
  if (fault !== null) return fault.again ? undefined : 'It would be refused: see above.'
  const poor = (data?.binding ?? []).filter(
    ({ state }) => state === 'changed' || state === 'missing',
  )
  if (poor.length === 0 || input.allow) return undefined
  return `It would be refused there: ${countText(poor.length, 'input')} changed or missing. Tick the box above to bind it all the same, or send what is missing first.`
}

type Shown = { of: DryRun; enabled: boolean; isNothing: boolean }

export function Counts({ of: { data, fault, again }, enabled, isNothing }: Shown) {
  return (
    <Stack gap="xs" mih={60} aria-live="polite">
      {data !== undefined && (
        <Text fw={600} className="figures">
          {sizeText(data.bytes)} chosen, {sizeText(data.held.bytes)} already there,{' '}
          {sizeText(data.bytes - data.held.bytes)} to send
        </Text>
      )}
      {data === undefined && fault === null && (
        <Text c="dimmed" size="sm">
          {isNothing
            ? 'Tick at least one file.'
            : enabled
              ? 'Asking the destination what it has already…'
              : 'Fill in the ID; then the destination is asked what it has already.'}
        </Text>
      )}
      {fault !== null && <Trouble fault={fault} {...(fault.again && { again })} />}
      {data !== undefined && <Travels of={data} />}
    </Stack>
  )
}

function Travels({ of }: { of: Told<'transfers.dry-run'> }) {
  const { will, willNot, binding, flagged } = of
  const poor = binding.filter(({ state }) => state !== 'matched')
  return (
    <List size="sm" className="long">
      {will.map((line) => (
        <List.Item key={line}>Travels: {visible(line)}</List.Item>
      ))}
      <List.Item>
        Stays here: {willNot.join(', ')}. Make groups and add collaborators again over there.
      </List.Item>
      {binding.length > 0 && (
        <List.Item>
          {countText(binding.length - poor.length, 'input')} of {binding.length} matched
        </List.Item>
      )}
      {poor.map(({ label, path, state, now }) => (
        <List.Item key={`${label} ${path}`}>
          Input {visible(label)}: {visible(path)} is {state}
          {now !== undefined && `, now ${visible(now)}`}
        </List.Item>
      ))}
      {flagged.map((name) => (
        <List.Item key={name}>Some systems cannot hold this name: {visible(name)}</List.Item>
      ))}
    </List>
  )
}
