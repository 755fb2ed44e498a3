import { Code, Group, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Copy } from './copy.tsx'

type Shown = {
  text: string
  /** What is copied: "the token". */
  what: string
  /** What it is for, and that it is shown this once. */
  children: ReactNode
}

/** Something that is shown this once, with a button that copies it. */
export function Secret({ text, what, children }: Shown) {
  return (
    <Stack gap="xs" mt="sm" role="status">
      <Text size="sm">{children}</Text>
      <Code block className="long wrap">
        {text}
      </Code>
      <Group>
        <Copy text={text} what={what} />
      </Group>
    </Stack>
  )
}
