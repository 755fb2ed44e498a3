import { Badge, Button, Group, NativeSelect, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { countText, visible } from '../../api/words.ts'
import { Empty, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAct, useAsk } from '../site.ts'
import { type Project, type Role, roles } from './words.ts'

const changes = ['projects.list', 'projects.show'] as const

/** Groups that are in a project: everybody who is in one has its role. */
export function Groups({ of, owns }: { of: Project; owns: boolean }) {
  if (of.groups.length === 0 && !owns) return null
  return (
    <Part title="Groups">
      {of.groups.length === 0 ? (
        <Empty>No group is in it. Everybody in a group has the role that you give the group.</Empty>
      ) : (
        <Rows label="Groups">
          {of.groups.map((one) => (
            <One key={one.id} of={one} project={of} owns={owns} />
          ))}
        </Rows>
      )}
      {owns && <Add project={of} />}
    </Part>
  )
}

/** The one owner of a personal project is its person. */
const rolesIn = ({ personal }: Project) =>
  personal ? roles.filter((one) => one !== 'owner') : [...roles]

function One({
  of,
  project,
  owns,
}: {
  of: Project['groups'][number]
  project: Project
  owns: boolean
}) {
  const name = visible(of.name)
  const set = useAct('projects.set-group', changes)
  const remove = useAct('projects.remove-group', changes)
  const fault = set.error ?? remove.error
  const named = { id: project.id, group: String(of.id) }
  return (
    <Row
      acts={
        owns ? (
          <>
            <NativeSelect
              size="xs"
              aria-label={`Role of ${name}`}
              data={rolesIn(project)}
              value={of.role}
              disabled={set.isPending}
              onChange={(event) =>
                set.mutate({ ...named, role: event.currentTarget.value as Role })
              }
            />
            <Sure
              verb="Remove"
              what={name}
              says="Whoever is not in it otherwise can then not see it."
              busy={remove.isPending}
              act={() => remove.mutate(named)}
            />
          </>
        ) : (
          <Badge variant="default" tt="none">
            {of.role}
          </Badge>
        )
      }
    >
      <Text fw={600}>{name}</Text>
      <Text size="sm" c="dimmed">
        {countText(of.people, 'person', 'people')}
      </Text>
      {fault && <Trouble fault={fault} />}
    </Row>
  )
}

function Add({ project }: { project: Project }) {
  const asked = useAsk('groups.list', {})
  const [chosen, setChosen] = useState('')
  const [role, setRole] = useState<Role>('member')
  const set = useAct('projects.set-group', changes)
  const known = project.groups.map(({ id }) => id)
  const others = (asked.data ?? []).filter(({ id }) => !known.includes(id))
  const group = others.some(({ id }) => String(id) === chosen)
    ? chosen
    : String(others[0]?.id ?? '')
  function submit(event: FormEvent) {
    event.preventDefault()
    set.mutate({ id: project.id, group, role })
  }
  if (others.length === 0) {
    return (
      <Text size="sm" c="dimmed" mt="xs">
        There is no other group that you are in. Administrators make groups.
      </Text>
    )
  }
  return (
    <form onSubmit={submit} aria-label="Add a group">
      <Group align="flex-end" gap="xs" mt="sm">
        <NativeSelect
          label="Group"
          flex="1 1 200px"
          data={others.map(({ id, name }) => ({ value: String(id), label: visible(name) }))}
          value={group}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
        <NativeSelect
          label="Its role"
          flex="0 1 160px"
          data={rolesIn(project)}
          value={role}
          onChange={(event) => setRole(event.currentTarget.value as Role)}
        />
        <Button type="submit" variant="default" loading={set.isPending}>
          Add the group
        </Button>
      </Group>
      {set.error && <Trouble fault={set.error} />}
    </form>
  )
}
