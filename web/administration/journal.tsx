import { Button, Code, Group, Text } from '@mantine/core'
import { countText, visible } from '../../api/words.ts'
import { More } from '../parts/more.tsx'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { useAct, usePages } from '../site.ts'

const limit = 100

/** The audit log, in the order in which things happened. */
export function Journal() {
  const asked = usePages('journal.read', { limit }, (page) => page.next)
  const verify = useAct('journal.verify', [])
  return (
    <Part
      title="Journal"
      aside={
        <Button
          size="xs"
          variant="default"
          loading={verify.isPending}
          onClick={() => verify.mutate({})}
        >
          Verify the chain
        </Button>
      }
    >
      {verify.data && (
        <Text size="sm" role="status" mb="xs">
          {countText(verify.data.records, 'record')} verified; the chain is whole.
        </Text>
      )}
      {verify.error && <Trouble fault={verify.error} />}
      <Answered of={asked}>
        {({ pages }) => {
          const records = pages.flatMap((page) => page.records)
          if (records.length === 0) return <Empty>The journal has no record yet.</Empty>
          return (
            <>
              <Rows label="Records">
                {records.map(({ seq, at, kind, by, data }) => (
                  <Row key={seq}>
                    <Group gap="xs" className="figures">
                      <Text size="sm" fw={600}>
                        {seq} {kind}
                      </Text>
                      <Text size="sm" c="dimmed">
                        <When at={at} /> by {byText(by)}
                      </Text>
                    </Group>
                    <details>
                      <Text component="summary" size="sm">
                        Record
                      </Text>
                      <Code block className="wrap">
                        {visible(JSON.stringify(data))}
                      </Code>
                    </details>
                  </Row>
                ))}
              </Rows>
              <More of={asked} what="Later records" />
            </>
          )
        }}
      </Answered>
    </Part>
  )
}

function byText(by: unknown): string {
  if (typeof by !== 'object' || by === null) return visible(String(by))
  return Object.entries(by)
    .map(([who, which]) => `${who} ${visible(String(which))}`)
    .join(', ')
}
