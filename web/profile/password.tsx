import { Button, Group, PasswordInput, Stack, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Part } from '../parts/page.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAct } from '../site.ts'

const nothing = { old: '', password: '', again: '' }

/** Another password; whoever else is logged in as me is then out. */
export function Password({ email }: { email: string }) {
  const [typed, setTyped] = useState(nothing)
  const change = useAct('session.password', [])
  const differs = typed.again !== '' && typed.again !== typed.password
  const field = (name: keyof typeof nothing) => ({
    required: true,
    value: typed[name],
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => {
      const { value } = event.currentTarget
      setTyped((before) => ({ ...before, [name]: value }))
    },
  })
  function submit(event: FormEvent) {
    event.preventDefault()
    if (typed.password !== typed.again) return
    const { old, password } = typed
    change.mutate({ old, password }, { onSuccess: () => setTyped(nothing) })
  }
  return (
    <Part title="Password">
      <form onSubmit={submit}>
        <Stack gap="xs" maw={420}>
          {/* For the browser, which keeps the password by this name. */}
          <input type="text" autoComplete="username" value={email} readOnly hidden />
          <PasswordInput
            label="Present password"
            autoComplete="current-password"
            {...field('old')}
          />
          <PasswordInput label="New password" autoComplete="new-password" {...field('password')} />
          <PasswordInput
            label="The new password again"
            autoComplete="new-password"
            error={differs && 'The two passwords differ.'}
            {...field('again')}
          />
          {change.error && <Trouble fault={change.error} title="It was not changed" />}
          <Group>
            <Button type="submit" loading={change.isPending} disabled={differs}>
              Change it
            </Button>
          </Group>
          <Text size="sm" role="status" mih="1.5em">
            {change.isSuccess && 'Changed. Every other session of yours has ended.'}
          </Text>
        </Stack>
      </form>
    </Part>
  )
}
