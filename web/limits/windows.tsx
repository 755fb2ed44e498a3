import { Button, Checkbox, Group, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { type LimitWindow, windowText } from '../../api/windows.ts'
import { Fault } from '../../protocol/fault.ts'
import { Row, Rows } from '../parts/rows.tsx'
import { RateField, rateIn } from './rate-field.tsx'

type Day = LimitWindow['days'][number]

const days: readonly { value: Day; label: string }[] = [
  { value: 'mon', label: 'Mon' },
  { value: 'tue', label: 'Tue' },
  { value: 'wed', label: 'Wed' },
  { value: 'thu', label: 'Thu' },
  { value: 'fri', label: 'Fri' },
  { value: 'sat', label: 'Sat' },
  { value: 'sun', label: 'Sun' },
]

type Windows = {
  of: readonly LimitWindow[]
  set: (windows: LimitWindow[]) => void
}

/** Times of the week at which another rate holds; the first that fits counts. */
export function Windows({ of, set }: Windows) {
  return (
    <Stack gap="xs" role="group" aria-label="Windows">
      {of.length > 0 && (
        <Rows label="Windows of the week">
          {of.map((one, at) => (
            <Row
              key={windowText(one)}
              acts={
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={`Take away window ${windowText(one)}`}
                  onClick={() => set(of.filter((_, other) => other !== at))}
                >
                  Take away
                </Button>
              }
            >
              <Text size="sm" className="figures">
                {windowText(one)}
              </Text>
            </Row>
          ))}
        </Rows>
      )}
      <Add add={(window) => set([...of, window])} />
    </Stack>
  )
}

function Add({ add }: { add: (window: LimitWindow) => void }) {
  const [on, setOn] = useState<Day[]>(days.map(({ value }) => value))
  const [from, setFrom] = useState('20:00')
  const [to, setTo] = useState('06:00')
  const [out, setOut] = useState('')
  const [into, setInto] = useState('')
  const rates = { out: rateIn(out), in: rateIn(into) }
  const isUnclear = rates.out instanceof Fault || rates.in instanceof Fault
  const saysNothing = rates.out === undefined && rates.in === undefined
  function press() {
    if (rates.out instanceof Fault || rates.in instanceof Fault) return
    add({
      ...{ days: days.map(({ value }) => value).filter((day) => on.includes(day)), from, to },
      ...(rates.out !== undefined && { out: rates.out }),
      ...(rates.in !== undefined && { in: rates.in }),
    })
    setOut('')
    setInto('')
  }
  return (
    <details>
      <Text component="summary" size="sm">
        Another rate at some times of the week
      </Text>
      <Stack gap="xs" mt="xs">
        <Checkbox.Group label="Days" value={on} onChange={(value) => setOn(value as Day[])}>
          <Group gap="sm" mt={4}>
            {days.map(({ value, label }) => (
              <Checkbox key={value} value={value} label={label} />
            ))}
          </Group>
        </Checkbox.Group>
        <Group gap="xs" align="flex-start">
          <TextInput
            type="time"
            label="From"
            value={from}
            onChange={(event) => setFrom(event.currentTarget.value)}
          />
          <TextInput
            type="time"
            label="To"
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
          />
          <RateField label="Out then" value={out} set={setOut} empty="as at other times" />
          <RateField label="In then" value={into} set={setInto} empty="as at other times" />
        </Group>
        <Group>
          <Button
            variant="default"
            size="xs"
            disabled={on.length === 0 || isUnclear || saysNothing || from === '' || to === ''}
            onClick={press}
          >
            Add this window
          </Button>
          <Text size="sm" c="dimmed">
            It holds once you set the limit.
          </Text>
        </Group>
      </Stack>
    </details>
  )
}
