import { Group, Text } from '@mantine/core'
import { countText, sizeText } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { historyAsked } from '../live.ts'
import { State } from '../parts/meter.tsx'
import { Answered, Empty, Page } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { When } from '../parts/when.tsx'
import { useAsk } from '../site.ts'
import { endText, whatText } from '../words.ts'

/** Every transfer of mine, newest first. */
export function Transfers() {
  const history = useAsk('transfers.list', historyAsked)
  return (
    <Page title="Transfer history">
      <Answered of={history}>
        {(all) =>
          all.length === 0 ? (
            <Empty>
              You have sent and received nothing yet. Open a <Way to="/datasets">dataset</Way>, go
              to Collaborators and switch to External.
            </Empty>
          ) : (
            <>
              <Rows label="Transfers">
                {all.map((one) => (
                  <Row key={one.id} acts={<State of={one} />}>
                    <Way to={`/transfers/${one.id}`}>{whatText(one)}</Way>
                    <Group gap="0 10px">
                      <Text size="sm" c="dimmed">
                        {one.direction === 'out'
                          ? `Sent to ${endText(one.destination)}`
                          : `Received from ${endText(one.source)}`}
                      </Text>
                      <Text size="sm" c="dimmed" className="figures">
                        {sizeText(one.bytes.chosen)}, {countText(one.files.chosen, 'file')}
                      </Text>
                      <Text size="sm" c="dimmed">
                        <When at={one.endedAt ?? one.createdAt} />
                      </Text>
                    </Group>
                  </Row>
                ))}
              </Rows>
              {all.length >= historyAsked.limit && (
                <Empty>Only the newest {historyAsked.limit} are shown.</Empty>
              )}
            </>
          )
        }
      </Answered>
    </Page>
  )
}
