import { Badge, Button, Code, Group, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { Copy } from '../parts/copy.tsx'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { useAct, useAsk } from '../site.ts'

/** How often it is looked whether a site asked, in milliseconds. */
const lookMs = 10_000

export function Links() {
  const asked = useAsk('links.list', {}, { refetchInterval: lookMs })
  return (
    <Stack>
      <Part title="Sites we know">
        <Answered of={asked}>
          {(all) => {
            const shown = all.filter(({ state }) => state !== 'removed')
            return shown.length === 0 ? (
              <Empty>
                No site is linked. Make an invitation and give it to the other site’s administrator,
                or redeem one that you were given.
              </Empty>
            ) : (
              <Rows label="Links">
                {shown.map((one) => (
                  <Link key={one.id} of={one} />
                ))}
              </Rows>
            )
          }}
        </Answered>
      </Part>
      <Invite />
      <Add />
    </Stack>
  )
}

const stateText = {
  asked: 'asked',
  accepted: 'linked',
  paused: 'paused',
  refused: 'refused',
  removed: 'removed',
}

function Link({ of }: { of: Told<'links.list'>[number] }) {
  const { id, alias, state } = of
  const [chosen, setChosen] = useState('')
  const accept = useAct('links.accept', ['links.list'])
  const refuse = useAct('links.refuse', ['links.list'])
  const pause = useAct('links.pause', ['links.list'])
  const resume = useAct('links.resume', ['links.list'])
  const remove = useAct('links.remove', ['links.list'])
  const fault = [accept, refuse, pause, resume, remove].find(({ error }) => error !== null)?.error
  const asksUs = state === 'asked' && of.asked === 'there'
  return (
    <Row
      acts={
        <>
          {state === 'accepted' && (
            <Button
              size="xs"
              variant="default"
              loading={pause.isPending}
              aria-label={`Pause ${alias}`}
              onClick={() => pause.mutate({ id })}
            >
              Pause
            </Button>
          )}
          {state === 'paused' && (
            <Button
              size="xs"
              loading={resume.isPending}
              aria-label={`Resume ${alias}`}
              onClick={() => resume.mutate({ id })}
            >
              Resume
            </Button>
          )}
          {asksUs && (
            <Sure
              verb="Refuse"
              what={alias}
              says="It may not ask again."
              busy={refuse.isPending}
              act={() => refuse.mutate({ id })}
            />
          )}
          <Sure
            verb="Remove"
            what={alias}
            says="Nothing crosses it then."
            busy={remove.isPending}
            act={() => remove.mutate({ id })}
          />
        </>
      }
    >
      <Group gap="xs">
        <Text fw={600}>{visible(alias)}</Text>
        <Text>{visible(of.name)}</Text>
        <Badge variant="light" tt="none" color={state === 'accepted' ? 'teal' : 'gray'}>
          {asksUs ? 'asks for a link' : stateText[state]}
        </Badge>
      </Group>
      <Text size="xs" c="dimmed">
        {of.site}. Changed <When at={of.changedAt} />
      </Text>
      {asksUs && (
        <Group gap="xs" mt="xs" align="flex-end">
          <TextInput
            label="Our short name for it"
            placeholder={alias}
            value={chosen}
            onChange={(event) => setChosen(event.currentTarget.value)}
          />
          <Button
            loading={accept.isPending}
            aria-label={`Accept ${alias}`}
            onClick={() => accept.mutate({ id, ...(chosen !== '' && { alias: chosen }) })}
          >
            Accept
          </Button>
        </Group>
      )}
      {fault && <Trouble fault={fault} />}
    </Row>
  )
}

function Invite() {
  const invite = useAct('links.invite', [])
  return (
    <Part title="Invite a site">
      <Text size="sm" mb="xs">
        An invitation works once. Whoever redeems it is linked at once, so give it to the other
        administrator on a way that you trust.
      </Text>
      <Button loading={invite.isPending} onClick={() => invite.mutate({})}>
        Make an invitation
      </Button>
      {invite.error && <Trouble fault={invite.error} />}
      {invite.data && (
        <Stack gap="xs" mt="sm">
          <Code block className="long wrap" data-testid="invitation">
            {invite.data.invitation}
          </Code>
          <Group gap="xs">
            <Copy text={invite.data.invitation} what="the invitation" />
            <Text size="sm">
              Until <When at={invite.data.expiresAt} />
            </Text>
          </Group>
        </Stack>
      )}
    </Part>
  )
}

function Add() {
  const [to, setTo] = useState('')
  const [alias, setAlias] = useState('')
  const add = useAct('links.add', ['links.list'])
  function submit(event: FormEvent) {
    event.preventDefault()
    const named = alias.trim() === '' ? {} : { alias: alias.trim() }
    add.mutate(
      { to: to.trim(), ...named },
      {
        onSuccess: () => {
          setTo('')
          setAlias('')
        },
      },
    )
  }
  return (
    <Part title="Redeem an invitation, or ask a site">
      <form onSubmit={submit}>
        <Stack gap="xs">
          <TextInput
            label="Invitation, or the site’s address"
            required
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
          />
          <TextInput
            label="Our short name for it"
            description="People write it after the @ when they name somebody there."
            value={alias}
            onChange={(event) => setAlias(event.currentTarget.value)}
          />
          {add.error && <Trouble fault={add.error} />}
          <Group>
            <Button type="submit" loading={add.isPending}>
              Link
            </Button>
          </Group>
        </Stack>
      </form>
    </Part>
  )
}
