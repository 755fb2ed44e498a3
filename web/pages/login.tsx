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
import { type FormEvent, useEffect, useSyncExternalStore } from 'react'
import { visible } from '../../api/words.ts'
import type { Fault } from '../../protocol/fault.ts'
import { Trouble } from '../parts/trouble.tsx'
import { logIn, logInElsewhere } from '../session.ts'
import { useAsk } from '../site.ts'

/** As far from the top as it looks well, and what comes later comes below: nothing moves. */
const above = 'min(14vh, 140px)'

/** Shown at whatever address somebody came to; it is still the address after logging in. */
export function Login() {
  // Of a login at the institution that did not work: under this its words wait at the site.
  const tried = new URLSearchParams(globalThis.location?.search).get('tried')
  const ways = useAsk('login.show', tried === null ? {} : { tried })
  useEffect(() => {
    document.title = 'Log in – Crossload'
  }, [])
  const { institution, trouble } = ways.data ?? {}
  return (
    <Center px="md" pt={above} pb="md" component="main">
      {tried !== null && ways.isPending ? (
        <Loader />
      ) : (
        <Paper withBorder p="xl" w="100%" maw={400}>
          <Stack>
            <Title order={1} size="h3">
              Log in
            </Title>
            {trouble && <Trouble fault={trouble} title="You are not logged in" />}
            <WithPassword />
            {institution !== undefined && (
              <>
                <Divider label="or without a password of this site" />
                <Elsewhere name={institution} />
              </>
            )}
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
  const isAlive = useAlive()
  const going = useMutation<void, Fault, FormData>({
    mutationFn: (form) => logIn(textOf(form, 'email'), textOf(form, 'password')),
  })
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    going.mutate(new FormData(event.currentTarget))
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          label="E-mail"
          name="email"
          type="email"
          autoComplete="username"
          required
          autoFocus
        />
        <PasswordInput label="Password" name="password" autoComplete="current-password" required />
        {going.error && <Trouble fault={going.error} title="You are not logged in" />}
        <Button type="submit" disabled={!isAlive} loading={going.isPending}>
          Log in
        </Button>
        <Text size="sm" c="dimmed">
          No password yet, or forgotten? Ask an administrator of this site for a one-time link.
        </Text>
      </Stack>
    </form>
  )
}

const textOf = (form: FormData, name: string) => String(form.get(name) ?? '')

/**
 * Whether the program has come. The form stands there before, and can be filled in; until then nothing
 * may send it, for the browser by itself would write it into the address.
 */
function useAlive(): boolean {
  return useSyncExternalStore(
    () => () => {},
    () => true,
    () => false,
  )
}
