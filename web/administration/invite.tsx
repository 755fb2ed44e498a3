import { Button, Code, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Copy } from '../parts/copy.tsx'
import { Part } from '../parts/page.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { useAct } from '../site.ts'

const hourMs = 3_600_000
const spans = [
  { value: String(hourMs), label: 'one hour' },
  { value: String(48 * hourMs), label: 'two days' },
  { value: String(7 * 24 * hourMs), label: 'a week' },
  { value: String(30 * 24 * hourMs), label: '30 days' },
]

export function Invite() {
  const [span, setSpan] = useState(spans[1]!.value)
  const invite = useAct('links.invite', [])
  return (
    <Part title="Invite a site">
      <Text size="sm" mb="xs">
        An invitation works once. Whoever redeems it is linked at once, so give it to the other
        administrator on a way that you trust.
      </Text>
      <Group gap="xs" align="flex-end">
        <NativeSelect
          label="It is good for"
          data={spans}
          value={span}
          onChange={(event) => setSpan(event.currentTarget.value)}
        />
        <Button
          loading={invite.isPending}
          onClick={() => invite.mutate({ expiresMs: Number(span) })}
        >
          Make an invitation
        </Button>
      </Group>
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

export function Add() {
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
