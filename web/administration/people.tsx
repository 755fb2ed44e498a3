import {
  Badge,
  Button,
  Checkbox,
  Code,
  Group,
  NativeSelect,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
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

export function People() {
  const asked = useAsk('people.list', {})
  const mail = useAsk('mail.show', {})
  const [mails, setMails] = useState(false)
  const hasMail = mail.data !== undefined && mail.data.state !== 'off'
  return (
    <Stack>
      <Part title="People of this site">
        <Answered of={asked}>
          {(all) => {
            const shown = all.filter(({ state }) => state === 'active')
            return shown.length === 0 ? (
              <Empty>Nobody has an account. Add the first person below.</Empty>
            ) : (
              <Stack gap="xs">
                <Checkbox
                  label="Send it by mail"
                  description={
                    hasMail
                      ? 'A one-time link that you make also goes to the person’s address.'
                      : 'This site sends no mail; Mail says how to set it up.'
                  }
                  checked={mails && hasMail}
                  disabled={!hasMail}
                  onChange={(event) => setMails(event.currentTarget.checked)}
                />
                <Rows label="People">
                  {shown.map((one) => (
                    <Person key={one.id} of={one} mails={mails && hasMail} />
                  ))}
                </Rows>
              </Stack>
            )
          }}
        </Answered>
      </Part>
      <Add />
    </Stack>
  )
}

function Person({ of, mails }: { of: Told<'people.list'>[number]; mails: boolean }) {
  const { email } = of
  const remove = useAct('people.remove', ['people.list'])
  const link = useAct('people.link', [])
  const fault = link.error ?? remove.error
  return (
    <Row
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
            says="The account and its tokens end."
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
      {link.data && (
        <Stack gap="xs" mt="xs">
          <Text size="sm">
            Give this to {email}. It lets one person choose a password, once, until{' '}
            <When at={link.data.expiresAt} />.
          </Text>
          {link.data.mail && (
            <Text size="sm" role="status">
              {link.data.mail.sent
                ? 'It was mailed to them.'
                : `It was not mailed. ${visible(link.data.mail.problem ?? '')} Hand it over by another way.`}
            </Text>
          )}
          <Code block className="long wrap">
            {link.data.link}
          </Code>
          <Group>
            <Copy text={link.data.link} what="the link" />
          </Group>
        </Stack>
      )}
      {fault && <Trouble fault={fault} />}
    </Row>
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
