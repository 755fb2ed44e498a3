import { Code, Group, Text } from '@mantine/core'
import type { ToldTransfer } from '../../api/shapes.ts'
import { countText, groupText, sizeText } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { Limit } from '../limits/limit.tsx'
import { Copy } from '../parts/copy.tsx'
import { DepositState } from '../parts/deposit-state.tsx'
import { Facts } from '../parts/facts.tsx'
import { Meter, State } from '../parts/meter.tsx'
import { Answered, Page, Part } from '../parts/page.tsx'
import { RatePlot } from '../parts/rate-plot.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { When } from '../parts/when.tsx'
import { Stayed } from '../send/stayed.tsx'
import { useAct, useAsk } from '../site.ts'
import { endText, whatText } from '../words.ts'
import { Steer } from './activity.tsx'

/** One entry of the transfer history. */
export function TransferPage({ id }: { id: string }) {
  const asked = useAsk('transfers.show', { id })
  const title = asked.data === undefined ? 'Transfer' : whatText(asked.data)
  return (
    <Page title={title} aside={asked.data && <State of={asked.data} />}>
      <Answered of={asked}>{(view) => <Entry of={view} />}</Answered>
    </Page>
  )
}

function Entry({ of }: { of: ToldTransfer }) {
  const { source, destination, bytes, files, receipts, deposit } = of
  return (
    <>
      <Part title="Progress">
        <Meter of={of} />
        {of.endedAt === undefined && <RatePlot of={of.id} title="This transfer" />}
        <Steer of={of} />
      </Part>
      {of.endedAt === undefined && <Speed id={of.id} />}
      <Part title="Where it is">
        <Facts
          rows={[
            ['Source', endText(source)],
            ['Source Dataset', idText(source)],
            ['Source workflows', source.workflows.join(', ')],
            ['Destination', endText(destination)],
            [
              'Dest Dataset',
              destination.dataset === undefined ? (
                'not known yet: the destination gives the ID when it imports'
              ) : (
                <Group key="dest" gap="xs">
                  {of.direction === 'in' ? (
                    <Way to={`/datasets/${destination.dataset}`}>{destination.dataset}</Way>
                  ) : (
                    <span data-testid="dest-dataset">{destination.dataset}</span>
                  )}
                  <Copy text={String(destination.dataset)} what="the Dest Dataset ID" />
                </Group>
              ),
            ],
            [
              'Dest workflows',
              of.direction === 'out'
                ? destination.workflows.join(', ')
                : destination.workflows.map((one) => (
                    <span key={one}>
                      <Way to={`/workflows/${one}`}>{one}</Way>{' '}
                    </span>
                  )),
            ],
            ['Began', <When key="began" at={of.createdAt} />],
            ['Ended', of.endedAt && <When key="ended" at={of.endedAt} />],
            ['Transfer', of.id],
          ]}
        />
      </Part>
      <Part title="Bytes">
        <Facts
          rows={[
            ['Chosen', amount(files.chosen, bytes.chosen)],
            // The source is told of the bytes only.
            [
              'There before',
              of.direction === 'out'
                ? `${sizeText(bytes.held)} (${groupText(bytes.held)} bytes)`
                : amount(files.held, bytes.held),
            ],
            ['Sent', of.direction === 'out' ? `${groupText(bytes.sent)} bytes` : undefined],
            ['Received', `${groupText(bytes.received)} bytes`],
            ['Of the dataset', `${groupText(bytes.dataset)} bytes`],
            ['Manifest', of.manifest.nodes > 0 && countText(of.manifest.nodes, 'node')],
            ['Deposit folder', deposit && <DepositState key="deposit" of={deposit} />],
          ]}
        />
      </Part>
      <Part title="Receipts">
        {receipts.length === 0 ? (
          <Text c="dimmed" size="sm">
            None yet. The destination signs one when every byte is there, and one when it counts.
          </Text>
        ) : (
          <Rows label="Receipts">
            {receipts.map(({ kind, at, trees, signature }) => (
              <Row key={kind}>
                <Text size="sm">
                  {kind === 'imported' ? 'Imported' : 'Received'} <When at={at} />:{' '}
                  {trees.map((tree) => amount(tree.files, tree.bytes)).join('; ')}
                </Text>
                <Text size="xs" c="dimmed" component="div">
                  signed <Code className="long">{signature}</Code>
                </Text>
              </Row>
            ))}
          </Rows>
        )}
      </Part>
      {of.direction === 'out' && <Stayed of={of} />}
    </>
  )
}

const amount = (files: number, bytes: number) =>
  `${countText(files, 'file')}, ${sizeText(bytes)} (${groupText(bytes)} bytes)`

function idText({ dataset, version }: ToldTransfer['source']) {
  return dataset && `${dataset}${version === undefined ? '' : `, version ${version}`}`
}

/** A limit of this transfer alone, until it is over. */
function Speed({ id }: { id: string }) {
  const asked = useAsk('limits.list', {})
  const set = useAct('limits.set-transfer', ['limits.list'])
  const clear = useAct('limits.clear-transfer', ['limits.list'])
  return (
    <Part title="How fast it may go">
      <Limit
        what="this transfer"
        now={asked.data?.find(({ transfer }) => transfer === id)}
        set={{ ...set, mutate: (changes) => set.mutate({ id, ...changes }) }}
        clear={{ ...clear, mutate: () => clear.mutate({ id }) }}
      />
    </Part>
  )
}
