/** One limit, of the site, a link or a transfer: what holds now, and a form that sets or ends it. */
import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, type ReactNode, useState } from 'react'
import { rateText } from '../../api/rates.ts'
import type { Asked, Told } from '../../api/routes.ts'
import { sizeText } from '../../api/words.ts'
import { Fault } from '../../protocol/fault.ts'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { RateField, rateIn } from './rate-field.tsx'
import { Windows } from './windows.tsx'

export type LimitView = Told<'limits.list'>[number]
type Changes = Omit<Asked<'limits.set'>, 'localExempt'>

type Sides = {
  /** What is limited, in words: "the site", "oslo". */
  what: string
  now: LimitView | undefined
  set: { mutate: (changes: Changes) => void; isPending: boolean; error: Fault | null }
  clear: { mutate: () => void; isPending: boolean; error: Fault | null }
  /** More that can be set with it. */
  children?: ReactNode
}

export function Limit(sides: Sides) {
  const { now } = sides
  // What somebody else set meanwhile is what one goes on from.
  const key = JSON.stringify([now?.out, now?.in, now?.windows, now?.zone])
  return <Form key={key} {...sides} />
}

function Form({ what, now, set, clear, children }: Sides) {
  const [out, setOut] = useState(typed(now?.out))
  const [into, setInto] = useState(typed(now?.in))
  const [windows, setWindows] = useState(now?.windows ?? [])
  const [zone, setZone] = useState(now?.zone ?? ownZone())
  const rates = { out: rateIn(out), in: rateIn(into) }
  const isUnclear = rates.out instanceof Fault || rates.in instanceof Fault
  const fault = set.error ?? clear.error
  function submit(event: FormEvent) {
    event.preventDefault()
    if (rates.out instanceof Fault || rates.in instanceof Fault) return
    set.mutate({ out: rates.out ?? null, in: rates.in ?? null, windows, zone: zone.trim() })
  }
  return (
    <Stack gap="xs">
      <Now of={now} />
      <form onSubmit={submit} aria-label={`Limit of ${what}`}>
        <Stack gap="xs">
          <Group gap="xs" align="flex-start">
            <RateField label="Out" value={out} set={setOut} />
            <RateField label="In" value={into} set={setInto} />
            {windows.length > 0 && (
              <TextInput
                label="Time zone of the windows"
                flex="1 1 160px"
                required
                value={zone}
                onChange={(event) => setZone(event.currentTarget.value)}
              />
            )}
          </Group>
          <Windows of={windows} set={setWindows} />
          {children}
          {fault && <Trouble fault={fault} />}
          <Group gap="xs">
            <Button
              type="submit"
              size="xs"
              loading={set.isPending}
              disabled={isUnclear}
              aria-label={`Set it: limit of ${what}`}
            >
              Set it
            </Button>
            {now !== undefined && (
              <Sure
                verb="End"
                what={`the limit of ${what}`}
                says="It then goes as fast as it can."
                busy={clear.isPending}
                act={() => clear.mutate()}
              />
            )}
          </Group>
        </Stack>
      </form>
    </Stack>
  )
}

/** What holds at this moment, and until when. */
export function Now({ of }: { of: LimitView | undefined }) {
  if (of === undefined)
    return (
      <Text size="sm" c="dimmed">
        Not limited at this site.
      </Text>
    )
  const { out, in: into } = of.now
  const until = [out.until, into.until].filter((at) => at !== undefined).sort()[0]
  return (
    <Text size="sm" className="figures">
      Now out {nowText(out)}, in {nowText(into)}
      {until !== undefined && (
        <>
          , until <When at={until} />
        </>
      )}
      .
    </Text>
  )
}

function nowText({ rate, window }: LimitView['now']['out']): string {
  const text = rate === null ? 'without limit' : `at most ${sizeText(rate)}/s`
  return window === undefined ? text : `${text} (window ${window + 1})`
}

const typed = (rate: number | null | undefined) =>
  rate === null || rate === undefined ? '' : rateText(rate)

const ownZone = () => new Intl.DateTimeFormat().resolvedOptions().timeZone
