import { Button, Group, Text } from '@mantine/core'
import { useState } from 'react'

type Asked = {
  /** The verb on the button, and what follows from it. */
  verb: string
  what: string
  says: string
  busy: boolean
  act: () => void
}

/** An act that cannot be taken back: asked once more, in the place where it was asked first. */
export function Sure({ verb, what, says, busy, act }: Asked) {
  const [asked, setAsked] = useState(false)
  if (!asked) {
    return (
      <Button
        size="xs"
        variant="default"
        color="red"
        loading={busy}
        aria-label={`${verb} ${what}`}
        onClick={() => setAsked(true)}
      >
        {verb}
      </Button>
    )
  }
  return (
    <Group gap="xs" role="group" aria-label={`${verb} ${what}?`}>
      <Text size="sm">{says}</Text>
      <Button
        size="xs"
        color="red"
        onClick={() => {
          setAsked(false)
          act()
        }}
      >
        {verb}
      </Button>
      <Button size="xs" variant="default" onClick={() => setAsked(false)} autoFocus>
        Keep it
      </Button>
    </Group>
  )
}
