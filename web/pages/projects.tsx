import { Badge, Button, Group, Text, TextInput } from '@mantine/core'
import { type FormEvent, type ReactNode, useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { countText, visible } from '../../api/words.ts'
import { go, Way } from '../address.tsx'
import { allThere, LongList } from '../parts/long-list.tsx'
import { Answered, Empty, Page, Part } from '../parts/page.tsx'
import { Line } from '../parts/rows.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { nameOf } from '../projects/words.ts'
import { useAct, useAsk } from '../site.ts'

type Project = Told<'projects.list'>[number]

/** Where datasets and workflows live: those that I own, and those in which others let me work. */
export function Projects({ you }: { you: string }) {
  const asked = useAsk('projects.list', {})
  return (
    <Page title="Projects">
      <Answered of={asked}>
        {(all) => {
          const mine = all.filter((one) => one.role === 'owner')
          const others = all.filter((one) => !mine.includes(one))
          return (
            <>
              <Part title="Mine">
                <List label="My projects" of={mine} you={you} empty="You own no project." />
              </Part>
              <Part title="Shared with me">
                <List
                  label="Projects shared with me"
                  of={others}
                  you={you}
                  empty="Nobody has shared a project with you yet. An owner adds you by your e-mail address, on the project’s page under Members."
                />
              </Part>
            </>
          )
        }}
      </Answered>
      <Add />
    </Page>
  )
}

type Shown = { label: string; of: readonly Project[]; you: string; empty: ReactNode }

function List({ label, of, you, empty }: Shown) {
  if (of.length === 0) return <Empty>{empty}</Empty>
  return (
    <LongList
      label={label}
      items={of}
      keyOf={({ id }) => id}
      of={allThere}
      row={(one) => (
        <Line
          acts={
            <Badge variant="light" tt="none">
              {one.personal && one.role === 'owner' ? 'personal' : one.role}
            </Badge>
          }
        >
          <Way to={`/projects/${one.id}`}>{nameOf(one, you)}</Way>
          <Text size="sm" c="dimmed" className="figures">
            Project {one.id}, {countText(one.members.length, 'member')}. Made{' '}
            <When at={one.createdAt} />
            {one.deposit !== undefined && `. Deposit folder ${visible(one.deposit.folder)}`}
          </Text>
        </Line>
      )}
    />
  )
}

function Add() {
  const [name, setName] = useState('')
  const add = useAct('projects.add', ['projects.list'])
  function submit(event: FormEvent) {
    event.preventDefault()
    add.mutate({ name: name.trim() }, { onSuccess: ({ id }) => go(`/projects/${id}`) })
  }
  return (
    <Part title="New project">
      <form onSubmit={submit}>
        <Group align="flex-end" gap="xs">
          <TextInput
            label="Name"
            required
            maxLength={200}
            flex="1 1 200px"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Button type="submit" loading={add.isPending} disabled={name.trim() === ''}>
            Make it
          </Button>
        </Group>
        <Text size="sm" c="dimmed" mt="xs">
          You own it, and then say who else may see it or work in it.
        </Text>
        {add.error && <Trouble fault={add.error} />}
      </form>
    </Part>
  )
}
