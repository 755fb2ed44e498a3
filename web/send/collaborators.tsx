import { Badge, Box, Button, Group, Radio, SegmentedControl, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { visible } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { Icon } from '../parts/icons.tsx'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { useAsk } from '../site.ts'
import { type Recipient, SendDialog, type Sending } from './dialog.tsx'

type Sides = { project: number; mine: boolean; offers: readonly Sending[] }

/** Who works with it: people here, or people at other sites, who are sent a copy. */
export function Collaborators({ project, mine, offers }: Sides) {
  const [mode, setMode] = useState<'internal' | 'external'>('internal')
  return (
    <Part
      title="Collaborators"
      aside={
        <SegmentedControl
          aria-label="Which collaborators"
          value={mode}
          onChange={(value) => setMode(value as typeof mode)}
          data={[
            { value: 'internal', label: 'Internal' },
            { value: 'external', label: 'External' },
          ]}
        />
      }
    >
      <Box className={`side ${mode}`}>
        {mode === 'internal' ? (
          <Internal project={project} />
        ) : (
          <External mine={mine} offers={offers} />
        )}
      </Box>
    </Part>
  )
}

function Head({ icon, children }: { icon: 'inside' | 'outside'; children: string }) {
  return (
    <Group gap="xs" mb="xs" wrap="nowrap">
      <Icon name={icon} />
      <Text fw={600}>{children}</Text>
    </Group>
  )
}

function Internal({ project }: { project: number }) {
  const asked = useAsk('projects.show', { id: project })
  return (
    <>
      <Head icon="inside">Internal: people at this site</Head>
      <Answered of={asked}>
        {({ name, members }) => (
          <>
            <Text size="sm">The members of the project {visible(name)}:</Text>
            <Rows label="Members">
              {members.map((one) => (
                <Row
                  key={one.id}
                  acts={
                    <Badge variant="default" tt="none">
                      {one.role}
                    </Badge>
                  }
                >
                  {visible(one.name)}{' '}
                  <Text span size="sm" c="dimmed">
                    {one.email}
                  </Text>
                </Row>
              ))}
            </Rows>
          </>
        )}
      </Answered>
    </>
  )
}

/** People at other sites, of whom one is chosen, and what they can be sent. */
export function External({ mine, offers }: { mine: boolean; offers: readonly Sending[] }) {
  const asked = useAsk('connections.list', {})
  const [to, setTo] = useState<string | null>(null)
  const [open, setOpen] = useState<Sending>()
  return (
    <>
      <Head icon="outside">External: people at other sites</Head>
      <Answered of={asked}>
        {(all) => {
          const people = all.filter(({ state }) => state === 'accepted')
          const recipient = people.find(({ id }) => String(id) === to)
          if (people.length === 0) {
            return (
              <Empty>
                You are connected with nobody at another site. Ask somebody under External
                Connections in your <Way to="/profile">profile</Way>.
              </Empty>
            )
          }
          return (
            <Stack gap="sm">
              <Radio.Group label="Recipient" value={to} onChange={setTo}>
                <Stack gap="xs" mt="xs">
                  {people.map((one) => (
                    <Radio
                      classNames={{ label: 'long', labelWrapper: 'narrow' }}
                      key={one.id}
                      value={String(one.id)}
                      label={`${one.person}@${one.alias}${one.person === one.email ? ' (you, there)' : ''}`}
                    />
                  ))}
                </Stack>
              </Radio.Group>
              <Group gap="xs">
                {offers.map((one) => (
                  <Button
                    key={one.verb}
                    disabled={!mine || recipient === undefined}
                    onClick={() => setOpen(one)}
                  >
                    {one.verb}
                  </Button>
                ))}
              </Group>
              {!mine && (
                <Text size="sm">
                  Only an owner of the project may send it. Ask an owner, or to be made one.
                </Text>
              )}
              {mine && recipient === undefined && (
                <Text size="sm" c="dimmed">
                  Choose a recipient first.
                </Text>
              )}
              {open !== undefined && recipient !== undefined && (
                <Prefilled what={open} to={recipient} close={() => setOpen(undefined)} />
              )}
            </Stack>
          )
        }}
      </Answered>
    </>
  )
}

/** A workflow alone goes to the dataset that its own dataset became over there, where that is known. */
function Prefilled({ what, to, close }: { what: Sending; to: Recipient; close: () => void }) {
  // Found by the dataset's ID, among other things that have the same number.
  const asked = { search: String(what.dataset), limit: 1000 }
  const history = useAsk('transfers.list', asked, { enabled: !what.withFiles })
  if (!what.withFiles && history.isPending) return null
  const known = what.withFiles
    ? undefined
    : history.data?.find(
        ({ state, direction, source, destination }) =>
          state === 'done' &&
          direction === 'out' &&
          source.dataset === what.dataset &&
          destination.dataset !== undefined &&
          destination.site === to.site &&
          destination.person === to.person,
      )
  return <SendDialog what={{ ...what, dest: known?.destination.dataset }} to={to} close={close} />
}
