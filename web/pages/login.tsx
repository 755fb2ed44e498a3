import {
  Button,
  Center,
  Divider,
  Loader,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useEffect, useState } from 'react'
import { visible } from '../../api/words.ts'
import type { Fault } from '../../protocol/fault.ts'
import { Trouble } from '../parts/trouble.tsx'
import { logIn, logInElsewhere } from '../session.ts'
import { useAsk } from '../site.ts'

/** Shown at whatever address somebody came to; it is still the address after logging in. */
export function Login() {
  // Of a login at the institution that did not work: under this its words wait at the site.
  const tried = new URLSearchParams(window.location.search).get('tried')
  const ways = useAsk('login.show', tried === null ? {} : { tried })
  useEffect(() => {
    document.title = 'Log in – Crossload'
  }, [])
  const { institution, trouble } = ways.data ?? {}
  return (
    <Center mih="100vh" p="md" component="main">
      {ways.isPending ? (
        <Loader />
      ) : (
        <Paper withBorder p="xl" w="100%" maw={400}>
          <Stack>
            <Title order={1} size="h3">
              Log in
            </Title>
            {trouble && <Trouble fault={trouble} title="You are not logged in" />}
            {institution !== undefined && (
              <>
                <Elsewhere name={institution} />
                <Divider label="or with a password" />
              </>
            )}
            <WithPassword />
          </Stack>
        </Paper>
      )}
    </Center>
  )
}

function Elsewhere({ name }: { name: string }) {
  const going = useMutation<void, Fault>({ mutationFn: logInElsewhere })
  return (
    <>
      <Button
        variant="default"
        h="auto"
        py="xs"
        styles={{ label: { whiteSpace: 'normal' } }}
        loading={going.isPending}
        onClick={() => going.mutate()}
      >
        Log in at {visible(name)}
      </Button>
      {going.error && <Trouble fault={going.error} title="You are not logged in" />}
    </>
  )
}

function WithPassword() {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const going = useMutation<void, Fault>({ mutationFn: () => logIn(email, password) })
  function submit(event: FormEvent) {
    event.preventDefault()
    going.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="E-mail"
          type="email"
          autoComplete="username"
          required
          autoFocus
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <PasswordInput
          label="Password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {going.error && <Trouble fault={going.error} title="You are not logged in" />}
        <Button type="submit" loading={going.isPending}>
          Log in
        </Button>
        <Text size="sm" c="dimmed">
          No password yet, or forgotten? Ask an administrator of this site for a one-time link.
        </Text>
      </Stack>
    </form>
  )
}
