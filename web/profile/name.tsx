import { Button, Group, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { visible } from '../../api/words.ts'
import { Trouble } from '../parts/trouble.tsx'
import { useAct } from '../site.ts'

/** My name as others at this site see it, and a way to change it in its place. */
export function MyName({ now }: { now: string }) {
  const [typed, setTyped] = useState<string>()
  const rename = useAct('session.rename', ['site.show', 'projects.list', 'projects.show'])
  function submit(event: FormEvent) {
    event.preventDefault()
    rename.mutate({ name: (typed ?? '').trim() }, { onSuccess: () => setTyped(undefined) })
  }
  if (typed === undefined) {
    return (
      <Group gap="xs">
        {now === '' ? 'not given' : visible(now)}
        <Button
          size="compact-xs"
          variant="default"
          aria-label="Change your name"
          onClick={() => setTyped(now)}
        >
          Change
        </Button>
      </Group>
    )
  }
  return (
    <form onSubmit={submit}>
      <Group gap="xs">
        <TextInput
          aria-label="Your name"
          size="xs"
          required
          maxLength={200}
          autoComplete="name"
          autoFocus
          flex="1 1 160px"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Button type="submit" size="xs" loading={rename.isPending} disabled={typed.trim() === ''}>
          Keep
        </Button>
        <Button size="xs" variant="default" onClick={() => setTyped(undefined)}>
          Leave it
        </Button>
      </Group>
      {rename.error && <Trouble fault={rename.error} />}
    </form>
  )
}
