import { Badge, Button, Code, Group, Stack, Text } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { countText, visible } from '../../api/words.ts'
import { Facts } from '../parts/facts.tsx'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { useAct, useAsk } from '../site.ts'

/** How often it is looked how mail goes, in milliseconds. */
const lookMs = 10_000

const example = `"url": "https://crossload.example.org",
"mail": {
  "host": "mail.example.org",
  "port": 587,
  "user": "crossload",
  "passwordFile": "/etc/crossload/mail-password",
  "from": "crossload@example.org"
}`

/** Whether this site sends mail, and how that goes. */
export function Mail() {
  const asked = useAsk('mail.show', {}, { refetchInterval: lookMs })
  return (
    <Part title="Mail">
      <Answered of={asked}>
        {(mail) => (mail.state === 'off' ? <Off /> : <On of={mail} />)}
      </Answered>
    </Part>
  )
}

function Off() {
  return (
    <Stack gap="xs">
      <Empty>
        This site sends no mail. Name a mail server in its config.json, for example as below, and
        start it again.
      </Empty>
      <Code block className="long wrap">
        {example}
      </Code>
    </Stack>
  )
}

function On({ of }: { of: Told<'mail.show'> }) {
  const test = useAct('mail.test', ['mail.show'])
  const { state, host, port, security, from, waiting, lastSentAt, problem } = of
  const last = lastSentAt === undefined ? 'not since the start' : <When at={lastSentAt} />
  return (
    <Stack gap="sm">
      <Group gap="xs">
        <Badge variant="light" tt="none" color={state === 'working' ? 'teal' : 'orange'}>
          {state}
        </Badge>
      </Group>
      <Facts
        rows={[
          ['Server', `${host}:${port}`],
          ['Encryption', security === 'none' ? 'none: it is this very machine' : security],
          ['From', from],
          ['Waiting', countText(waiting, 'notice')],
          ['Last sent', last],
        ]}
      />
      {problem !== undefined && <Text size="sm">{visible(problem)} It is tried again.</Text>}
      <Group>
        <Button variant="default" loading={test.isPending} onClick={() => test.mutate({})}>
          Send a test to me
        </Button>
      </Group>
      {test.data && (
        <Text size="sm" role="status">
          {test.data.sent
            ? 'The mail server took it. Look into your mailbox.'
            : `It was not sent. ${visible(test.data.problem ?? '')}`}
        </Text>
      )}
      {test.error && <Trouble fault={test.error} />}
    </Stack>
  )
}
