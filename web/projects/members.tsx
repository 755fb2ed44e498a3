import { Badge, Button, Group, List, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { visible } from '../../api/words.ts'
import { go } from '../address.tsx'
import { Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAct } from '../site.ts'
import { Groups } from './groups.tsx'
import { type Project, type Role, roleSays, roles } from './words.ts'

type Sides = { of: Project; owns: boolean; you: string }

const changes = ['projects.list', 'projects.show'] as const

/** Who may see a project and work in it; owners decide. */
export function Members({ of, owns, you }: Sides) {
  return (
    <Stack>
      <Part title="Members">
        <Rows label="Members">
          {of.members.map((one) => (
            <Person key={one.id} of={one} project={of} owns={owns} you={you} />
          ))}
        </Rows>
        {!owns && (
          <Text size="sm" c="dimmed">
            Owners decide who is in it. Ask one of them.
          </Text>
        )}
      </Part>
      {owns && <Add project={of} />}
      <Groups of={of} owns={owns} />
      <Part title="What each may do">
        <List size="sm">
          {roles.map((role) => (
            <List.Item key={role}>{roleSays[role]}</List.Item>
          ))}
          <List.Item>Nobody of them, and no group, travels with what is sent.</List.Item>
        </List>
      </Part>
    </Stack>
  )
}

type One = {
  of: Project['members'][number]
  project: Project
  owns: boolean
  you: string
}

function Person({ of, project, owns, you }: One) {
  const { email, role } = of
  const set = useAct('projects.set-member', changes)
  const remove = useAct('projects.remove-member', changes)
  const fault = set.error ?? remove.error
  // The one for whom a personal project was made stays its owner.
  const isFixed = project.personal && role === 'owner'
  const isYou = email === you
  return (
    <Row
      acts={
        owns && !isFixed ? (
          <>
            <NativeSelect
              size="xs"
              aria-label={`Role of ${email}`}
              data={project.personal ? roles.filter((one) => one !== 'owner') : [...roles]}
              value={role}
              disabled={set.isPending}
              onChange={(event) =>
                set.mutate({ id: project.id, email, role: event.currentTarget.value as Role })
              }
            />
            <Sure
              verb="Remove"
              what={email}
              says={isYou ? 'You can then not see it.' : 'They can then not see it.'}
              busy={remove.isPending}
              act={() =>
                remove.mutate(
                  { id: project.id, email },
                  { onSuccess: () => isYou && go('/projects') },
                )
              }
            />
          </>
        ) : (
          <Badge variant="default" tt="none">
            {role}
          </Badge>
        )
      }
    >
      <Text fw={600}>
        {of.name === '' ? email : visible(of.name)}
        {isYou && ' (you)'}
      </Text>
      {of.name !== '' && (
        <Text size="sm" c="dimmed">
          {email}
        </Text>
      )}
      {fault && <Trouble fault={fault} />}
    </Row>
  )
}

function Add({ project }: { project: Project }) {
  const [email, setEmail] = useState('')
  const [role, setRole] = useState<Role>('member')
  const set = useAct('projects.set-member', changes)
  function submit(event: FormEvent) {
    event.preventDefault()
    set.mutate({ id: project.id, email, role }, { onSuccess: () => setEmail('') })
  }
  return (
    <Part title="Add a person">
      <form onSubmit={submit}>
        <Stack gap="xs">
          <Group align="flex-start" gap="xs">
            <TextInput
              label="E-mail"
              description="Of somebody who has an account at this site"
              type="email"
              required
              flex="1 1 220px"
              value={email}
              onChange={(event) => setEmail(event.currentTarget.value)}
            />
            <NativeSelect
              label="Role"
              description="May be changed later"
              flex="0 1 160px"
              data={project.personal ? roles.filter((one) => one !== 'owner') : [...roles]}
              value={role}
              onChange={(event) => setRole(event.currentTarget.value as Role)}
            />
          </Group>
          {set.error && <Trouble fault={set.error} />}
          <Group>
            <Button type="submit" loading={set.isPending}>
              Add
            </Button>
          </Group>
        </Stack>
      </form>
    </Part>
  )
}
