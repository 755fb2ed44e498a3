/** Lists of datasets and of workflows: the same list, wherever it stands, with its own words for each. */
import { Badge, Group, Stack, Switch, Text } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { countText, sizeText, visible } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { lastOf, usePages } from '../site.ts'
import { useFilter } from './filter.tsx'
import { LongList, type Paged } from './long-list.tsx'
import { type Answer, Answered, Empty } from './page.tsx'
import { Line } from './rows.tsx'
import { When } from './when.tsx'

const limit = 200

type Asked = { project?: number; dataset?: number }
type Words = {
  /** Which of them: all that one may read when nothing is said. */
  asked?: Asked
  /** Nothing is there at all: what to do about it. */
  empty: ReactNode
}

type Thing = {
  id: number
  name: string
  version: number
  files: number
  bytes: number
  changedAt: string
  mine: boolean
}

export function DatasetList({ asked = {}, empty }: Words) {
  const narrowing = useNarrowing()
  const list = usePages(
    'datasets.list',
    { limit, newest: true, ...asked, ...narrowing.input },
    lastOf(limit),
  )
  return (
    <Things noun="dataset" label="Datasets" list={list} empty={empty} narrowing={narrowing}>
      {(one) => `Dataset ${one.id}, version ${one.version}`}
    </Things>
  )
}

export function WorkflowList({ asked = {}, empty }: Words) {
  const narrowing = useNarrowing()
  const list = usePages(
    'workflows.list',
    { limit, newest: true, ...asked, ...narrowing.input },
    lastOf(limit),
  )
  return (
    <Things noun="workflow" label="Workflows" list={list} empty={empty} narrowing={narrowing}>
      {(one) => `Workflow ${one.id}, version ${one.version}, of dataset ${one.dataset}`}
    </Things>
  )
}

/** What one looks for, in a name or by its ID, and whether only what one may send is shown. */
function useNarrowing() {
  const { search, box } = useFilter('Name or ID')
  const [mine, setMine] = useState(false)
  const input = { ...search, ...(mine && { mine }) }
  const bar = (
    <Group align="flex-end" gap="md">
      <div className="grow">{box}</div>
      <Switch
        label="Owned by me"
        checked={mine}
        pb={6}
        onChange={(event) => setMine(event.currentTarget.checked)}
      />
    </Group>
  )
  return { input, bar, isNarrow: mine || search.search !== undefined }
}

type Shown<T> = {
  noun: 'dataset' | 'workflow'
  label: string
  list: Paged & Answer<{ pages: T[][] }>
  empty: ReactNode
  narrowing: ReturnType<typeof useNarrowing>
  children: (one: T) => string
}

function Things<T extends Thing>({ noun, label, list, empty, narrowing, children }: Shown<T>) {
  const items = (list.data?.pages ?? []).flat()
  return (
    <Stack gap="sm">
      {narrowing.bar}
      <Answered of={list}>
        {() =>
          items.length === 0 ? (
            <Empty>
              {narrowing.isNarrow
                ? `No ${noun} is like this. Type a shorter part of its name, or switch “Owned by me” off.`
                : empty}
            </Empty>
          ) : (
            <LongList
              label={label}
              items={items}
              keyOf={({ id }) => id}
              of={list}
              row={(one) => (
                <Line
                  acts={
                    one.mine && (
                      <Badge variant="light" tt="none">
                        Owned by me
                      </Badge>
                    )
                  }
                >
                  <Way to={`/${noun}s/${one.id}`}>{visible(one.name)}</Way>
                  <Text size="sm" c="dimmed" className="figures">
                    {children(one)}: {countText(one.files, 'file')}, {sizeText(one.bytes)}. Changed{' '}
                    <When at={one.changedAt} />
                  </Text>
                </Line>
              )}
            />
          )
        }
      </Answered>
    </Stack>
  )
}
