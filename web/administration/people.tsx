import { Badge, Button, Checkbox, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { useFilter } from '../parts/filter.tsx'
import { allThere, LongList } from '../parts/long-list.tsx'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Line } from '../parts/rows.tsx'
import { Secret } from '../parts/secret.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { MakeToken, TokenList } from '../profile/tokens.tsx'
import { useAct, useAsk } from '../site.ts'
import { Logins } from './logins.tsx'

export function People() {
  const asked = useAsk('people.list', {})
  const { search, box } = useFilter('Search for somebody')
  const mail = useAsk('mail.show', {})
  const hasMail = mail.data !== undefined && mail.data.state !== 'off'
  const [wantsMail, setWantsMail] = useState(false)
  const mails = hasMail && wantsMail
  return (
    <Stack>
      <Part title="People of this site">
        <Stack gap="sm">
          {box}
          <Checkbox
            label="Send it by mail"
            description={
              hasMail
                ? 'A one-time link that you make also goes to the person’s address.'
                : 'This site sends no mail; the part Mail says how to set it up.'
            }
            checked={mails}
            disabled={!hasMail}
            onChange={(event) => setWantsMail(event.currentTarget.checked)}
          />
          <Answered of={asked}>
            {(all) => {
              const shown = all.filter(
                (one) => one.state === 'active' && isLike(one, search.search),
              )
              return shown.length === 0 ? (
                <Empty>
                  {search.search === undefined
                    ? 'Nobody has an account. Add the first person below.'
                    : 'Nobody is like this. Type a shorter part of a name or an address.'}
                </Empty>
              ) : (
                <LongList
                  label="People"
                  items={shown}
                  keyOf={({ id }) => id}
                  of={allThere}
                  row={(one) => <Person of={one} mails={mails} />}
                />
              )
            }}
          </Answered>
        </Stack>
      </Part>
      <Add />
    </Stack>
  )
}

type PersonView = Told<'people.list'>[number]

function isLike({ email, name }: PersonView, text = ''): boolean {
  return `${name} ${email}`.toLowerCase().includes(text.toLowerCase())
}

function Person({ of, mails }: { of: PersonView; mails: boolean }) {
  const { email } = of
  const remove = useAct('people.remove', ['people.list'])
  const link = useAct('people.link', [])
  const fault = link.error ?? remove.error
  return (
    <Line
      acts={
        <>
          <Button
            size="xs"
            variant="default"
            loading={link.isPending}
            aria-label={`One-time link for ${email}`}
            onClick={() => link.mutate({ email, ...(mails && { mail: true }) })}
          >
            One-time link
          </Button>
          <Sure
            verb="Remove"
            what={email}
            says="Their account, sessions and tokens end now, and their name and address are forgotten for good. Projects of theirs stay."
            busy={remove.isPending}
            act={() => remove.mutate({ email })}
          />
        </>
      }
    >
      <Group gap="xs">
        <Text fw={600}>{of.name === '' ? email : visible(of.name)}</Text>
        {of.role === 'administrator' && (
          <Badge variant="light" tt="none">
            administrator
          </Badge>
        )}
      </Group>
      {of.name !== '' && (
        <Text size="sm" c="dimmed">
          {email}
        </Text>
      )}
      {link.data?.mail && (
        <Text size="sm" role="status">
          {link.data.mail.sent
            ? 'It was mailed to them.'
            : `It was not mailed. ${visible(link.data.mail.problem ?? '')} Hand it over by another way.`}
        </Text>
      )}
      {link.data && (
        <Secret text={link.data.link} what="the link">
          Give this to {email}. It lets one person choose a password, once, until{' '}
          <When at={link.data.expiresAt} />.
        </Secret>
      )}
      <Tokens email={email} />
      <Logins email={email} />
      {fault && <Trouble fault={fault} />}
    </Line>
  )
}

/** Tokens of one person; asked for when they are opened. */
function Tokens({ email }: { email: PersonView['email'] }) {
  const [isOpen, setOpen] = useState(false)
  const asked = useAsk('people.tokens', { email }, { enabled: isOpen })
  const make = useAct('people.token', ['people.tokens'])
  const end = useAct('people.remove-token', ['people.tokens'])
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <Text component="summary" size="sm">
        Tokens of {email}
      </Text>
      {isOpen && (
        <Stack gap="sm" mt="xs">
          <TokenList
            asked={asked}
            remove={{ ...end, mutate: (token) => end.mutate({ email, token }) }}
          />
          <MakeToken
            withMetrics
            make={{ ...make, mutate: (input, o) => make.mutate({ email, ...input }, o) }}
          />
        </Stack>
      )}
    </details>
  )
}

function Add() {
  const [email, setEmail] = useState('')
  const [name, setName] = useState('')
  const [role, setRole] = useState<'member' | 'administrator'>('member')
  const add = useAct('people.add', ['people.list'])
  function submit(event: FormEvent) {
    event.preventDefault()
    const named = name.trim() === '' ? {} : { name: name.trim() }
    add.mutate(
      { email, role, ...named },
      {
        onSuccess: () => {
          setEmail('')
          setName('')
        },
      },
    )
  }
  return (
    <Part title="Add a person">
      <form onSubmit={submit}>
        <Stack gap="xs">
          <TextInput
            label="E-mail"
            type="email"
            required
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
          <TextInput
            label="Name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <NativeSelect
            label="Role"
            value={role}
            data={['member', 'administrator']}
            onChange={(event) => setRole(event.currentTarget.value as typeof role)}
          />
          {add.error && <Trouble fault={add.error} />}
          <Group>
            <Button type="submit" loading={add.isPending}>
              Add
            </Button>
          </Group>
        </Stack>
      </form>
    </Part>
  )
}
