import { Button, Group, List, Progress, Stack, Text } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { countText, groupText, sizeText, visible } from '../../api/words.ts'
import { Facts } from '../parts/facts.tsx'
import { Answered, Part } from '../parts/page.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { Work } from '../parts/work.tsx'
import { useAsk, useWork } from '../site.ts'
import { Damaged } from './damage.tsx'
import { Holds } from './holds.tsx'
import { Verify } from './verify.tsx'

/** How often the scrub is looked at, in milliseconds. */
const lookMs = 5_000

export function Storage() {
  return (
    <Stack>
      <Scrub />
      <Space />
      <Holds />
      <Verify />
    </Stack>
  )
}

function Scrub() {
  const asked = useAsk('site.scrub', {}, { refetchInterval: lookMs })
  const now = useWork('site.scrub-now', ['site.scrub', 'site.show'])
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
      </Group>
      <Work of={now} />
      {now.error && <Trouble fault={now.error} />}
    </Part>
  )
}

function stateText({ state, days }: Told<'site.scrub'>): string {
  if (state === 'off' || days === 0) return 'only when it is asked for'
  return `${state}; everything is read again within ${countText(days, 'day')}`
}

const heldText = {
  dataset: 'Datasets',
  workflow: 'Workflows',
  transfer: 'Transfers under way',
  hold: 'Holds',
  used: 'Work under way',
  nobody: 'Nobody: may be given back',
} as const

function givenText({ removed, compacted }: Told<'site.reclaim'>): string {
  const things = `${sizeText(removed.bytes)} in ${countText(removed.things, 'thing')}`
  const partials = removed.partials > 0 ? `, ${countText(removed.partials, 'unfinished file')}` : ''
  const packs = compacted > 0 ? `; rewritten packs gave the disk ${sizeText(compacted)}` : ''
  return `${things}${partials}${packs}`
}

function Space() {
  const look = useWork('site.reclaim', ['site.scrub'])
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
            ['Given back', look.data.dry ? undefined : givenText(look.data)],
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
      <Work of={look} />
      {look.data !== undefined && look.data.unreadable.length > 0 && (
        <>
          <Text size="sm" role="alert">
            Nothing can be given back: parts of manifests cannot be read, so nobody knows what they
            name. Above, under Scrub, stands who can send them again.
          </Text>
          <List size="sm" className="long">
            {look.data.unreadable.map((line) => (
              <List.Item key={line}>{visible(line)}</List.Item>
            ))}
          </List>
        </>
      )}
      {fault && <Trouble fault={fault} />}
    </Part>
  )
}
