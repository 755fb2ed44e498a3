import { Badge, Switch, Text } from '@mantine/core'
import { useState } from 'react'
import { countText, sizeText, visible } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { More } from '../parts/more.tsx'
import { Answered, Empty, Page } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { When } from '../parts/when.tsx'
import { usePages } from '../site.ts'

const limit = 100

export function Workflows() {
  const [mine, setMine] = useState(false)
  return (
    <Page
      title="Workflows"
      aside={
        <Switch
          label="Owned by me"
          checked={mine}
          onChange={(event) => setMine(event.currentTarget.checked)}
        />
      }
    >
      <WorkflowList
        asked={mine ? { mine } : {}}
        empty={
          mine
            ? 'You own no workflow. Switch the filter off to see those you may read.'
            : 'There is no workflow yet. Add one at the site’s machine with: crossload workflow add NAME DOCUMENT --dataset ID. What others send you appears here by itself.'
        }
      />
    </Page>
  )
}

/** Also on a dataset's page, for those that are bound to it. */
export function WorkflowList({
  asked,
  empty,
}: {
  asked: { dataset?: number; mine?: boolean }
  empty: string
}) {
  const list = usePages('workflows.list', { limit, ...asked }, (page) =>
    page.length < limit ? undefined : page.at(-1)!.id,
  )
  return (
    <Answered of={list}>
      {({ pages }) =>
        pages.flat().length === 0 ? (
          <Empty>{empty}</Empty>
        ) : (
          <>
            <Rows label="Workflows">
              {pages.flat().map((one) => (
                <Row
                  key={one.id}
                  acts={
                    one.mine && (
                      <Badge variant="light" tt="none">
                        Owned by me
                      </Badge>
                    )
                  }
                >
                  <Way to={`/workflows/${one.id}`}>{visible(one.name)}</Way>
                  <Text size="sm" c="dimmed" className="figures">
                    Workflow {one.id}, version {one.version}, of dataset {one.dataset}:{' '}
                    {countText(one.files, 'file')}, {sizeText(one.bytes)}. Changed{' '}
                    <When at={one.changedAt} />
                  </Text>
                </Row>
              ))}
            </Rows>
            <More of={list} />
          </>
        )
      }
    </Answered>
  )
}
