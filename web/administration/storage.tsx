import { Alert, Button, Group, List, Progress, Stack, Text } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { countText, groupText, sizeText, visible } from '../../api/words.ts'
import { Facts } from '../parts/facts.tsx'
import { Answered, Part } from '../parts/page.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { useAct, useAsk } from '../site.ts'

/** How often the scrub is looked at, in milliseconds. */
const lookMs = 5_000

export function Storage() {
  return (
    <Stack>
      <Scrub />
      <Space />
    </Stack>
  )
}

function Scrub() {
  const asked = useAsk('site.scrub', {}, { refetchInterval: lookMs })
  const now = useAct('site.scrub-now', ['site.scrub', 'site.show'])
  return (
    <Part title="Scrub: every held byte, read again">
      <Answered of={asked}>
        {(view) => (
          <Stack gap="sm">
            {view.state !== 'off' && (
              <Progress value={view.percent} aria-label={`Scrub: ${view.percent}%`} />
            )}
            <Facts
              rows={[
                ['State', stateText(view)],
                ['Of this pass', `${Math.floor(view.percent)}%, ${sizeText(view.bytes)} read`],
                ['Last whole pass', view.last && <When key="last" at={view.last.at} />],
                ['Damaged', view.damagedCount === 0 ? 'nothing' : groupText(view.damagedCount)],
              ]}
            />
            <Damaged of={view} />
          </Stack>
        )}
      </Answered>
      <Group mt="sm">
        <Button loading={now.isPending} onClick={() => now.mutate({})}>
          Read everything now
        </Button>
        {now.isPending && <Text size="sm">This takes as long as the disk takes.</Text>}
      </Group>
      {now.error && <Trouble fault={now.error} />}
    </Part>
  )
}

function stateText({ state, days }: Told<'site.scrub'>): string {
  if (state === 'off' || days === 0) return 'only when it is asked for'
  return `${state}; everything is read again within ${countText(days, 'day')}`
}

function Damaged({ of }: { of: Told<'site.scrub'> }) {
  if (of.damagedCount === 0) return null
  return (
    <Alert color="red" title={`${countText(of.damagedCount, 'thing')} damaged`}>
      <Text size="sm">Ask one of the sites that have it to send it again; it is then whole.</Text>
      <List size="sm" className="long">
        {of.damaged.map(({ cid, found, owners, sources }) => (
          <List.Item key={cid}>
            {owners.map((one) => `${visible(one.name)}: ${visible(one.path)}`).join('; ') || cid} is{' '}
            {found}.{' '}
            {sources.length === 0
              ? 'No linked site is known to have it.'
              : `To be had from ${sources.map((one) => one.alias ?? visible(one.name)).join(', ')}.`}
          </List.Item>
        ))}
      </List>
    </Alert>
  )
}

const heldText = {
  dataset: 'Datasets',
  workflow: 'Workflows',
  transfer: 'Transfers under way',
  hold: 'Holds',
  used: 'Work under way',
  nobody: 'Nobody: may be given back',
} as const

function Space() {
  const look = useAct('site.reclaim', [])
  const fault = look.error
  return (
    <Part title="Space: what is held, and for whom">
      {look.data === undefined ? (
        <Text size="sm">Counting reads every record, so it is done when you ask for it.</Text>
      ) : (
        <Facts
          rows={[
            ...(Object.keys(heldText) as (keyof typeof heldText)[]).map((who) => {
              const { things, bytes } = look.data.held[who]
              return [heldText[who], `${sizeText(bytes)} in ${countText(things, 'thing')}`] as const
            }),
            [
              'Given back',
              look.data.dry
                ? undefined
                : `${sizeText(look.data.removed.bytes)} in ${countText(look.data.removed.things, 'thing')}`,
            ],
          ]}
        />
      )}
      <Group mt="sm">
        <Button
          variant="default"
          loading={look.isPending}
          onClick={() => look.mutate({ dry: true })}
        >
          Count
        </Button>
        <Button
          variant="default"
          disabled={look.data === undefined || look.isPending}
          onClick={() => look.mutate({})}
        >
          Give back what nobody holds
        </Button>
      </Group>
      {fault && <Trouble fault={fault} />}
    </Part>
  )
}
