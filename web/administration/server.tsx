import { Code, Group, Stack, Text } from '@mantine/core'
import { visible } from '../../api/words.ts'
import { Copy } from '../parts/copy.tsx'
import { Facts } from '../parts/facts.tsx'
import { Answered, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { useAsk } from '../site.ts'

/** How often the health is looked at, in milliseconds. */
const lookMs = 30_000

/** Who we are, how we are, and what the site was told when it started. */
export function Server() {
  return (
    <Stack>
      <Identity />
      <Settings />
    </Stack>
  )
}

function Identity() {
  const asked = useAsk('site.show', {}, { refetchInterval: lookMs })
  return (
    <Part title="This site">
      <Answered of={asked}>
        {({ name, site, fingerprint, addresses, lane, version, startedAt, health }) => (
          <>
            <Facts
              rows={[
                ['Name', visible(name)],
                ['Site', site],
                [
                  'Fingerprint',
                  <Group key="fingerprint" gap="xs">
                    {fingerprint}
                    <Copy text={fingerprint} what="the fingerprint" />
                  </Group>,
                ],
                ['Addresses', addresses.map((one) => <div key={one}>{one}</div>)],
                ['Direct lanes', lane ?? 'none'],
                ['Version', version],
                ['Running since', <When key="since" at={startedAt} />],
                ['Health', health.state === 'ok' ? 'in order' : health.state],
              ]}
            />
            {health.fault && <Trouble fault={health.fault} />}
          </>
        )}
      </Answered>
    </Part>
  )
}

function Settings() {
  const asked = useAsk('site.settings', {})
  return (
    <Part title="Settings">
      <Answered of={asked}>
        {({ file, settings }) => (
          <>
            <Text size="sm" mb="xs">
              They stand in the file below, on the site’s machine, and are read when the site
              starts. To change one, edit the file and start the site again. They cannot be changed
              here: whoever has a browser does not decide what the machine may reach.
            </Text>
            <Group gap="xs" mb="xs">
              <Code className="long">{visible(file)}</Code>
              <Copy text={file} what="the path of the file" />
            </Group>
            <Rows label="Settings">
              {settings.map(({ name, value, isDefault, says }) => (
                <Row key={name}>
                  <Text size="sm">
                    <b>{name}</b>: {visible(value)}
                    {isDefault && (
                      <Text span c="dimmed">
                        {' '}
                        (nothing is said)
                      </Text>
                    )}
                  </Text>
                  <Text size="sm" c="dimmed">
                    {says}
                  </Text>
                </Row>
              ))}
            </Rows>
          </>
        )}
      </Answered>
    </Part>
  )
}
