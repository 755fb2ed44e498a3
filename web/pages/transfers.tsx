import { Group, Stack, Text } from '@mantine/core'
import type { ToldTransfer } from '../../api/shapes.ts'
import { countText, sizeText } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { useFilter } from '../parts/filter.tsx'
import { LongList } from '../parts/long-list.tsx'
import { State } from '../parts/meter.tsx'
import { Answered, Empty, Page } from '../parts/page.tsx'
import { Line } from '../parts/rows.tsx'
import { When } from '../parts/when.tsx'
import { lastOf, usePages } from '../site.ts'
import { endText, whatText } from '../words.ts'

const limit = 100

/** Every transfer of mine, newest first. */
export function Transfers() {
  const { search, box } = useFilter('Name, person, site or ID')
  const history = usePages('transfers.list', { limit, ...search }, lastOf(limit))
  return (
    <Page title="Transfer history">
      <Stack gap="sm">
        {box}
        <Answered of={history}>
          {({ pages }) =>
            pages[0]!.length === 0 ? (
              <Empty>
                {search.search === undefined ? (
                  <>
                    You have sent and received nothing yet. Open a <Way to="/datasets">dataset</Way>
                    , go to Collaborators and switch to External.
                  </>
                ) : (
                  'No transfer is like this. Type a shorter part of a name or an address.'
                )}
              </Empty>
            ) : (
              <LongList
                label="Transfers"
                items={pages.flat()}
                keyOf={({ id }) => id}
                of={history}
                row={(one) => <Entry of={one} />}
              />
            )
          }
        </Answered>
      </Stack>
    </Page>
  )
}

function Entry({ of }: { of: ToldTransfer }) {
  return (
    <Line acts={<State of={of} />}>
      <Way to={`/transfers/${of.id}`}>{whatText(of)}</Way>
      <Group gap="0 10px">
        <Text size="sm" c="dimmed">
          {of.direction === 'out'
            ? `Sent to ${endText(of.destination)}`
            : `Received from ${endText(of.source)}`}
        </Text>
        <Text size="sm" c="dimmed" className="figures">
          {sizeText(of.bytes.chosen)}, {countText(of.files.chosen, 'file')}
        </Text>
        <Text size="sm" c="dimmed">
          <When at={of.endedAt ?? of.createdAt} />
        </Text>
      </Group>
    </Line>
  )
}
