import { Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useEffect, useState } from 'react'
import type { Fault } from '../../protocol/fault.ts'
import { Trouble } from '../parts/trouble.tsx'
import { logIn } from '../session.ts'

/** Shown at whatever address somebody came to; it is still the address after logging in. */
export function Login() {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const going = useMutation<void, Fault>({ mutationFn: () => logIn(email, password) })
  useEffect(() => {
    document.title = 'Log in – Crossload'
  }, [])
  function submit(event: FormEvent) {
    event.preventDefault()
    going.mutate()
  }
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w="100%" maw={400}>
        <form onSubmit={submit}>
          <Stack>
            <Title order={1} size="h3">
              Log in
            </Title>
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
      </Paper>
    </Center>
  )
}
