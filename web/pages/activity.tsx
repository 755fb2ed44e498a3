import { Button, Group, Paper, Stack, Text } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { Told } from '../../api/routes.ts'
import type { ToldTransfer } from '../../api/shapes.ts'
import { countText } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { Meter, State } from '../parts/meter.tsx'
import { Answered, Empty, Page, Part } from '../parts/page.tsx'
import { RatePlot } from '../parts/rate-plot.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { allRates } from '../rates.ts'
import { useAct, useAsk } from '../site.ts'
import { useWaiting } from '../waiting.ts'
import { endText, whatText } from '../words.ts'

/** Transfers under way that are shown at one time. */
const shownMax = 1000

/**
 * What moves now, in the order in which it began: what begins while one looks comes below, so that
 * nothing under one's eyes moves. What ends while one looks stays where it is until one leaves the page.
 */
export function Activity({ site }: { site: Told<'site.show'> }) {
  const running = useAsk('transfers.list', { running: true, limit: shownMax })
  const [seen, setSeen] = useState<readonly string[]>([])
  const all = running.data ?? []
  const news = all.flatMap(({ id }) => (seen.includes(id) ? [] : [id])).join(' ')
  useEffect(() => {
    // The list has the newest first.
    if (news !== '') setSeen((old) => [...old, ...news.split(' ').reverse()])
  }, [news])
  return (
    <Page title="Activity">
      <WaitingForYou site={site} />
      <Answered of={running}>
        {() =>
          all.length === 0 && seen.length === 0 ? (
            <Empty>
              Nothing is moving. Open a <Way to="/datasets">dataset</Way> or a{' '}
              <Way to="/workflows">workflow</Way>, go to Collaborators and switch to External to
              send it. What has ended is in the <Way to="/transfers">transfer history</Way>.
            </Empty>
          ) : (
            <>
              <RatePlot of={allRates} title="All transfers" />
              {seen.map((id) => (
                <Card key={id} id={id} known={all.find((one) => one.id === id)} />
              ))}
            </>
          )
        }
      </Answered>
    </Page>
  )
}

/** Who asks, so that nobody has to look for it. Nothing is shown when nobody does. */
function WaitingForYou({ site }: { site: Told<'site.show'> }) {
  const { connections, links } = useWaiting(site)
  if (connections + links === 0) return null
  return (
    <Part title="Waiting for you">
      <Stack gap={4}>
        {connections > 0 && (
          <Text size="sm">
            {countText(connections, 'person asks', 'people ask')} to connect with you:{' '}
            <Way to="/profile#connections">look at External Connections</Way>
          </Text>
        )}
        {links > 0 && (
          <Text size="sm">
            {countText(links, 'site asks', 'sites ask')} for a link:{' '}
            <Way to="/administration#links">look at Links</Way>
          </Text>
        )}
      </Stack>
    </Part>
  )
}

/** One that has left the list, because it ended while nobody was told, is asked for by itself. */
function Card({ id, known }: { id: string; known: ToldTransfer | undefined }) {
  const asked = useAsk('transfers.show', { id }, { enabled: known === undefined })
  const of = known ?? asked.data
  return of === undefined ? null : <Moving of={of} />
}

function Moving({ of }: { of: ToldTransfer }) {
  const to = of.direction === 'out' ? `to ${endText(of.destination)}` : `from ${endText(of.source)}`
  return (
    <Paper withBorder p="md" component="article" aria-label={whatText(of)}>
      <Group justify="space-between" gap="xs" align="flex-start">
        <Stack gap={0} miw={0} flex="1 1 220px">
          <Text fw={600} className="long">
            <Way to={`/transfers/${of.id}`}>{whatText(of)}</Way>
          </Text>
          <Text size="sm" c="dimmed" className="long">
            {of.direction === 'out' ? 'Sending' : 'Receiving'} {to}
          </Text>
        </Stack>
        <State of={of} />
      </Group>
      <Meter of={of} />
      <Steer of={of} />
    </Paper>
  )
}

/** As wide as the wider of two buttons that take each other's place. */
const steerPixels = 84

/** Pause, resume, cancel; the buttons keep their place whatever the state is. */
export function Steer({ of }: { of: ToldTransfer }) {
  const { id, state } = of
  const pause = useAct('transfers.pause', ['transfers.list', 'transfers.show'])
  const resume = useAct('transfers.resume', ['transfers.list', 'transfers.show'])
  const cancel = useAct('transfers.cancel', ['transfers.list', 'transfers.show'])
  const fault = pause.error ?? resume.error ?? cancel.error
  const what = whatText(of)
  const over = of.endedAt !== undefined
  return (
    <Stack gap="xs">
      {/* Its height is that of its buttons, also when there is nothing left to steer. */}
      <Group gap="xs" mih={30}>
        {!over &&
          (state === 'paused' ? (
            <Button
              size="xs"
              miw={steerPixels}
              loading={resume.isPending}
              aria-label={`Resume ${what}`}
              onClick={() => resume.mutate({ id })}
            >
              Resume
            </Button>
          ) : (
            <Button
              size="xs"
              miw={steerPixels}
              variant="default"
              loading={pause.isPending}
              aria-label={`Pause ${what}`}
              onClick={() => pause.mutate({ id })}
            >
              Pause
            </Button>
          ))}
        {!over && (
          <Sure
            verb="Cancel"
            what={what}
            says="Nothing of it will be imported."
            busy={cancel.isPending}
            act={() => cancel.mutate({ id })}
          />
        )}
        {state === 'done' && (
          <Text size="sm">
            Complete: every file is at the destination and it has signed for them.
          </Text>
        )}
      </Group>
      {fault && <Trouble fault={fault} />}
    </Stack>
  )
}
