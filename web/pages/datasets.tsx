import { Badge, Button, Group, Switch, Text } from '@mantine/core'
import { useState } from 'react'
import { countText, sizeText, visible } from '../../api/words.ts'
import { leading, Way } from '../address.tsx'
import { More } from '../parts/more.tsx'
import { Answered, Empty, Page } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { When } from '../parts/when.tsx'
import { usePages } from '../site.ts'

const limit = 100

export function Datasets() {
  const [mine, setMine] = useState(false)
  const asked = usePages('datasets.list', { limit, ...(mine && { mine }) }, (page) =>
    page.length < limit ? undefined : page.at(-1)!.id,
  )
  return (
    <Page
      title="Datasets"
      aside={
        <Group>
          <Switch
            label="Owned by me"
            checked={mine}
            onChange={(event) => setMine(event.currentTarget.checked)}
          />
          <Button component="a" variant="default" {...leading('/datasets/new')}>
            New dataset
          </Button>
        </Group>
      }
    >
      <Answered of={asked}>
        {({ pages }) => {
          const all = pages.flat()
          if (all.length === 0) {
            return (
              <Empty>
                {mine
                  ? 'You own no dataset. Switch the filter off to see those you may read.'
                  : 'There is no dataset yet. Make a new one of files on your own machine, or add a folder at the site’s machine with: crossload dataset add NAME PATH. What others send you appears here by itself.'}
              </Empty>
            )
          }
          return (
            <>
              <Rows label="Datasets">
                {all.map((one) => (
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
                    <Way to={`/datasets/${one.id}`}>{visible(one.name)}</Way>
                    <Text size="sm" c="dimmed" className="figures">
                      Dataset {one.id}, version {one.version}: {countText(one.files, 'file')},{' '}
                      {sizeText(one.bytes)}. Changed <When at={one.changedAt} />
                    </Text>
                  </Row>
                ))}
              </Rows>
              <More of={asked} />
            </>
          )
        }}
      </Answered>
    </Page>
  )
}
