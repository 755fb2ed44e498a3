/** After a migration: who of the source did not travel, for the sender to bring back together over there. */
import { Checkbox, Group, List, Stack, Text } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import type { ToldTransfer } from '../../api/shapes.ts'
import { countText, visible } from '../../api/words.ts'
import { Copy } from '../parts/copy.tsx'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { useAsk } from '../site.ts'

type Project = Told<'projects.show'>

export function Stayed({ of }: { of: ToldTransfer }) {
  const { dataset, workflows } = of.source
  if (of.state !== 'done') return <Before willNot={of.willNot} />
  return (
    <Part title="What did not travel: your checklist">
      <Text size="sm" mb="xs">
        {sentence(of.willNot)} stayed here, on purpose. To work together over there as here, do
        these at {visible(of.destination.name)}:
      </Text>
      {dataset === undefined ? (
        <OfWorkflow id={workflows[0]!} me={of.source.person} />
      ) : (
        <OfDataset id={dataset} me={of.source.person} />
      )}
      <Connections to={of} />
    </Part>
  )
}

function Before({ willNot }: { willNot: readonly string[] }) {
  return (
    <Part title="What does not travel">
      <Text size="sm">{sentence(willNot)} stay at the source. After a transfer:</Text>
      <List size="sm" mt="xs">
        <List.Item>make the groups again at the destination;</List.Item>
        <List.Item>add the collaborators to the project there;</List.Item>
        <List.Item>let them ask for the connections they need.</List.Item>
      </List>
    </Part>
  )
}

function OfDataset({ id, me }: { id: number; me: string }) {
  const asked = useAsk('datasets.show', { id })
  return <Answered of={asked}>{({ project }) => <OfProject id={project} me={me} />}</Answered>
}

function OfWorkflow({ id, me }: { id: number; me: string }) {
  const asked = useAsk('workflows.show', { id })
  return <Answered of={asked}>{({ project }) => <OfProject id={project} me={me} />}</Answered>
}

function OfProject({ id, me }: { id: number; me: string }) {
  const asked = useAsk('projects.show', { id })
  return <Answered of={asked}>{(project) => <Members of={project} me={me} />}</Answered>
}

function Members({ of, me }: { of: Project; me: string }) {
  const others = of.members.filter(({ email }) => email !== me)
  if (others.length === 0 && of.groups.length === 0) {
    return <Empty>You are alone in its project here, so there is nobody to add over there.</Empty>
  }
  return (
    <Stack gap="sm">
      {others.length > 0 && (
        <div>
          <Group justify="space-between">
            <Text size="sm" fw={600}>
              Add the collaborators to the project there
            </Text>
            <Copy
              text={others.map(({ email }) => email).join('\n')}
              what="addresses"
              verb="Copy all"
            />
          </Group>
          <Rows label="Collaborators who did not travel">
            {others.map(({ id, email, name, role }) => (
              <Line key={id} copy={email}>
                {`${name === '' ? '' : `${visible(name)}, `}${email}: ${role}`}
              </Line>
            ))}
          </Rows>
        </div>
      )}
      {of.groups.length > 0 && (
        <div>
          <Text size="sm" fw={600}>
            Have the groups made again there
          </Text>
          <Rows label="Groups that did not travel">
            {of.groups.map(({ id, name, people, role }) => (
              <Line key={id} copy={name}>
                {`${visible(name)}, ${countText(people, 'person', 'people')}: ${role}`}
              </Line>
            ))}
          </Rows>
        </div>
      )}
    </Stack>
  )
}

/** To be ticked when it is done over there. */
function Line({ copy, children }: { copy: string; children: string }) {
  return (
    <Row acts={<Copy text={copy} what={visible(copy)} />}>
      <Checkbox classNames={{ label: 'long', labelWrapper: 'narrow' }} label={children} />
    </Row>
  )
}

/** People at other sites with whom the sender is connected here: over there each asks anew. */
function Connections({ to }: { to: ToldTransfer }) {
  const asked = useAsk('connections.list', {})
  const others = (asked.data ?? []).filter(
    ({ state, site }) => state === 'accepted' && site !== to.destination.site,
  )
  if (others.length === 0) return null
  return (
    <Stack gap="xs" mt="sm">
      <Text size="sm" fw={600}>
        Ask anew for the connections that you need there
      </Text>
      <Rows label="Connections that did not travel">
        {others.map(({ id, person, alias }) => (
          <Line key={id} copy={person}>
            {`${person}, at ${alias}`}
          </Line>
        ))}
      </Rows>
    </Stack>
  )
}

function sentence(words: readonly string[]): string {
  const text = words.join(', ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}
