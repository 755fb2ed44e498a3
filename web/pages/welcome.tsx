import { Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useEffect, useState } from 'react'
import type { Fault } from '../../protocol/fault.ts'
import { go, Way } from '../address.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { welcome } from '../session.ts'

/** What a one-time link opens. Its secret stands after the `#`, so it was in no request so far. */
export function Welcome() {
  const [secret] = useState(() => window.location.hash.slice(1))
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const differs = again !== '' && again !== password
  const going = useMutation<void, Fault>({
    mutationFn: () => welcome(secret, password, name.trim()),
    onSuccess: () => go('/'),
  })
  useEffect(() => {
    document.title = 'Welcome – Crossload'
    // Neither the history nor a shared screen needs to keep it.
    window.history.replaceState(null, '', '/welcome')
  }, [])
  function submit(event: FormEvent) {
    event.preventDefault()
    if (password === again) going.mutate()
  }
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w="100%" maw={420}>
        <form onSubmit={submit}>
          <Stack>
            <Title order={1} size="h3">
              Welcome
            </Title>
            {secret === '' ? (
              <Text>
                This address lacks its secret, the part after the <code>#</code>. Open the whole
                link that you were given, or ask an administrator for a new one. If you have a
                password already, <Way to="/login">log in</Way>.
              </Text>
            ) : (
              <>
                <Text size="sm">Choose a password. The link you opened works this once.</Text>
                <TextInput
                  label="Your name"
                  description="As others see it; may stay empty."
                  autoComplete="name"
                  value={name}
                  onChange={(event) => setName(event.currentTarget.value)}
                />
                <PasswordInput
                  label="Password"
                  description="12 characters at least; a few words in a row are easy to remember."
                  autoComplete="new-password"
                  required
                  value={password}
                  onChange={(event) => setPassword(event.currentTarget.value)}
                />
                <PasswordInput
                  label="The password again"
                  autoComplete="new-password"
                  required
                  error={differs && 'The two passwords differ.'}
                  value={again}
                  onChange={(event) => setAgain(event.currentTarget.value)}
                />
                {going.error && <Trouble fault={going.error} />}
                {going.error && going.error.kind !== 'invalid' && (
                  <Text size="sm">
                    If you have a password already, <Way to="/login">log in</Way>.
                  </Text>
                )}
                <Button type="submit" loading={going.isPending} disabled={differs}>
                  Keep it and log in
                </Button>
              </>
            )}
          </Stack>
        </form>
      </Paper>
    </Center>
  )
}
