import { ActionIcon, Badge, Button, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { type FormEvent, useEffect, useId, useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { useHash } from '../address.tsx'
import { Icon } from '../parts/icons.tsx'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAct, useAsk } from '../site.ts'

/** How often it is looked whether somebody asked or accepted, in milliseconds. */
const lookMs = 10_000

/** People at other sites; what others of this site need no connection for is said, too. */
export function Connections({ me }: { me: string }) {
  // Who comes by a link to them finds them open.
  const isSentHere = useHash() === 'connections'
  const [open, setOpen] = useState(isSentHere)
  useEffect(() => {
    if (isSentHere) setOpen(true)
  }, [isSentHere])
  const asked = useAsk('connections.list', {}, { refetchInterval: lookMs })
  const external = useId()
  const waiting = (asked.data ?? []).filter((one) => one.state === 'asked' && one.asked === 'there')
  return (
    <Part
      title="Connections"
      aside={
        <Group gap="xs">
          {waiting.length > 0 && !open && (
            <Badge color="orange" variant="light" tt="none">
              {waiting.length} waiting for you
            </Badge>
          )}
          <ActionIcon
            variant={open ? 'filled' : 'default'}
            size="lg"
            aria-expanded={open}
            aria-controls={external}
            aria-label="External Connections"
            title="External Connections"
            onClick={() => setOpen(!open)}
          >
            <Icon name="outside" />
          </ActionIcon>
        </Group>
      }
    >
      {!open && (
        <Text size="sm">
          People of this site work together in projects and need no connection. People at other
          sites are behind the icon.
        </Text>
      )}
      <div id={external}>
        {open && (
          <Stack>
            <Title order={3} size="h5">
              External Connections
            </Title>
            <Ask me={me} />
            <Answered of={asked}>{(all) => <List all={all} />}</Answered>
          </Stack>
        )}
      </div>
    </Part>
  )
}

function Ask({ me }: { me: string }) {
  const [email, setEmail] = useState('')
  const [alias, setAlias] = useState('')
  const links = useAsk('links.list', {})
  const ask = useAct('connections.ask', ['connections.list'])
  const known = (links.data ?? []).filter(({ state }) => state === 'accepted')
  const names = known.map((one) => one.alias).join(', ')
  function submit(event: FormEvent) {
    event.preventDefault()
    ask.mutate(
      { email, alias: alias.trim() },
      {
        onSuccess: () => {
          setEmail('')
          setAlias('')
        },
      },
    )
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <Group gap="xs" align="flex-start">
          <TextInput
            label="E-mail there"
            description={`Your own is ${me}`}
            type="email"
            required
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
            flex="1 1 200px"
          />
          <TextInput
            label="Short name of the other site"
            description={names === '' ? 'No site is linked yet' : `Linked: ${names}`}
            required
            value={alias}
            onChange={(event) => setAlias(event.currentTarget.value)}
            flex="1 1 200px"
          />
        </Group>
        {ask.error && <Trouble fault={ask.error} />}
        <Group>
          <Button type="submit" loading={ask.isPending}>
            Ask to connect
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function List({ all }: { all: Told<'connections.list'> }) {
  const shown = all.filter(({ state }) => state !== 'removed')
  if (shown.length === 0) {
    return (
      <Empty>
        You are connected with nobody yet. Fill in an e-mail address and the short name of the site
        where that person is; they accept it in their profile there.
      </Empty>
    )
  }
  return (
    <Rows label="External Connections">
      {shown.map((one) => (
        <Connection key={one.id} of={one} />
      ))}
    </Rows>
  )
}

function Connection({ of }: { of: Told<'connections.list'>[number] }) {
  const accept = useAct('connections.accept', ['connections.list'])
  const remove = useAct('connections.remove', ['connections.list'])
  const fault = accept.error ?? remove.error
  const who = `${of.person}@${of.alias}`
  const asksMe = of.state === 'asked' && of.asked === 'there'
  const state = {
    asked: asksMe ? 'asks to connect with you' : 'has been asked, and accepts in the profile there',
    accepted: 'connected: both of you may send',
    removed: 'removed',
  }[of.state]
  return (
    <Row
      acts={
        <>
          {asksMe && (
            <Button
              size="xs"
              loading={accept.isPending}
              aria-label={`Accept ${who}`}
              onClick={() => accept.mutate({ id: of.id })}
            >
              Accept
            </Button>
          )}
          <Sure
            verb="Remove"
            what={who}
            says="Neither can send then."
            busy={remove.isPending}
            act={() => remove.mutate({ id: of.id })}
          />
        </>
      }
    >
      <Text fw={600}>{who}</Text>
      <Text size="sm" c="dimmed">
        {state}
      </Text>
      {fault && <Trouble fault={fault} />}
    </Row>
  )
}
