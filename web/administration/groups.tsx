import { Badge, Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAct, useAsk } from '../site.ts'

/** Everything that names a group is old when one changes. */
const changes = ['groups.list', 'groups.members', 'projects.list', 'projects.show'] as const

export function Groups() {
  const asked = useAsk('groups.list', {})
  return (
    <Stack>
      <Part title="Groups of this site">
        <Answered of={asked}>
          {(all) =>
            all.length === 0 ? (
              <Empty>
                There is no group. Make one below; whoever owns a project can then give it a role
                there.
              </Empty>
            ) : (
              <Rows label="Groups">
                {all.map((one) => (
                  <OneGroup key={one.id} of={one} />
                ))}
              </Rows>
            )
          }
        </Answered>
      </Part>
      <Add />
    </Stack>
  )
}

function OneGroup({ of }: { of: Told<'groups.list'>[number] }) {
  const [open, setOpen] = useState(false)
  const remove = useAct('groups.remove', changes)
  const name = visible(of.name)
  return (
    <Row
      acts={
        <>
          <Button
            size="xs"
            variant="default"
            aria-expanded={open}
            aria-label={`${open ? 'Close' : 'Change'} ${name}`}
            onClick={() => setOpen(!open)}
          >
            {open ? 'Close' : 'Change'}
          </Button>
          <Sure
            verb="Remove"
            what={name}
            says="It is taken out of every project."
            busy={remove.isPending}
            act={() => remove.mutate({ group: String(of.id) })}
          />
        </>
      }
    >
      <Group gap="xs">
        <Text fw={600}>{name}</Text>
        <Badge variant="light" tt="none">
          {of.people === 1 ? '1 person' : `${of.people} people`}
        </Badge>
      </Group>
      {of.claims.length > 0 && (
        <Text size="sm" c="dimmed">
          Takes over from the institution: {of.claims.map(visible).join(', ')}
        </Text>
      )}
      {remove.error && <Trouble fault={remove.error} />}
      {open && (
        <Stack gap="md" mt="sm">
          <Members of={of} />
          <Change of={of} />
        </Stack>
      )}
    </Row>
  )
}

function Members({ of }: { of: Told<'groups.list'>[number] }) {
  const group = String(of.id)
  const asked = useAsk('groups.members', { group })
  const [email, setEmail] = useState('')
  const add = useAct('groups.add-member', changes)
  function submit(event: FormEvent) {
    event.preventDefault()
    add.mutate({ group, email }, { onSuccess: () => setEmail('') })
  }
  return (
    <Stack gap="xs">
      <Answered of={asked}>
        {(people) =>
          people.length === 0 ? (
            <Empty>Nobody is in it. Add the first person below.</Empty>
          ) : (
            <Rows label={`People in ${visible(of.name)}`}>
              {people.map((one) => (
                <Member key={one.id} group={of} of={one} />
              ))}
            </Rows>
          )
        }
      </Answered>
      {asked.data !== undefined && asked.data.length < of.people && (
        <Text size="sm" c="dimmed">
          The first {asked.data.length} of {of.people} are shown. All of them: crossload group
          members {of.id}
        </Text>
      )}
      <form onSubmit={submit}>
        <Group align="end" gap="xs">
          <TextInput
            label="E-mail of a person to add"
            type="email"
            required
            flex="1 1 200px"
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
          <Button type="submit" variant="default" loading={add.isPending}>
            Add to the group
          </Button>
        </Group>
      </form>
      {add.error && <Trouble fault={add.error} />}
    </Stack>
  )
}

function Member(o: { group: Told<'groups.list'>[number]; of: Told<'groups.members'>[number] }) {
  const { email, name } = o.of
  const remove = useAct('groups.remove-member', changes)
  return (
    <Row
      acts={
        <Sure
          verb="Take out"
          what={email}
          says="What the group gives them ends."
          busy={remove.isPending}
          act={() => remove.mutate({ group: String(o.group.id), email })}
        />
      }
    >
      <Text size="sm">{name === '' ? email : `${visible(name)} (${email})`}</Text>
      {remove.error && <Trouble fault={remove.error} />}
    </Row>
  )
}

function Change({ of }: { of: Told<'groups.list'>[number] }) {
  const [name, setName] = useState(of.name)
  const [claims, setClaims] = useState(of.claims.join('; '))
  const change = useAct('groups.change', changes)
  function submit(event: FormEvent) {
    event.preventDefault()
    change.mutate({ group: String(of.id), name, claims: listed(claims) })
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <TextInput
          label="Name of the group"
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Claims value={claims} change={setClaims} />
        {change.error && <Trouble fault={change.error} />}
        <Group>
          <Button type="submit" variant="default" loading={change.isPending}>
            Save
          </Button>
          <span role="status">
            {change.isSuccess && (
              <Text size="sm" c="dimmed">
                Saved.
              </Text>
            )}
          </span>
        </Group>
      </Stack>
    </form>
  )
}

function Add() {
  const [name, setName] = useState('')
  const [claims, setClaims] = useState('')
  const add = useAct('groups.add', changes)
  function submit(event: FormEvent) {
    event.preventDefault()
    const done = () => {
      setName('')
      setClaims('')
    }
    add.mutate({ name, claims: listed(claims) }, { onSuccess: done })
  }
  return (
    <Part title="Make a group">
      <form onSubmit={submit}>
        <Stack gap="xs">
          <TextInput
            label="Name"
            required
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Claims value={claims} change={setClaims} />
          {add.error && <Trouble fault={add.error} />}
          <Group>
            <Button type="submit" loading={add.isPending}>
              Make
            </Button>
          </Group>
        </Stack>
      </form>
    </Part>
  )
}

function Claims({ value, change }: { value: string; change: (text: string) => void }) {
  return (
    <TextInput
      label="Groups at the institution"
      description="With a semicolon between two. At each login there, people of these come in and others go."
      value={value}
      onChange={(event) => change(event.currentTarget.value)}
    />
  )
}

/** The institution’s names may hold commas. */
const listed = (text: string) =>
  text
    .split(';')
    .map((one) => one.trim())
    .filter((one) => one !== '')
