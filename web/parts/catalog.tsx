/** Lists of datasets and of workflows: the same list, wherever it stands, with its own words for each. */
import { Badge, Checkbox, Group, Stack, Switch, Text } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { countText, sizeText, visible } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { Batch, type Ticked } from '../send/batch.tsx'
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

/** Those of my own can be ticked, to be sent together. */
export function WorkflowList({ asked = {}, empty }: Words) {
  const narrowing = useNarrowing()
  const list = usePages(
    'workflows.list',
    { limit, newest: true, ...asked, ...narrowing.input },
    lastOf(limit),
  )
  const [ticked, setTicked] = useState<ReadonlyMap<number, Ticked>>(new Map())
  const isMine = (list.data?.pages ?? []).some((page) => page.some(({ mine }) => mine))
  function tick(one: Ticked, on: boolean) {
    const next = new Map(ticked)
    if (on) next.set(one.id, one)
    else next.delete(one.id)
    setTicked(next)
  }
  const batch = <Batch ticked={[...ticked.values()]} clear={() => setTicked(new Map())} />
  return (
    <Things
      noun="workflow"
      label="Workflows"
      list={list}
      empty={empty}
      narrowing={narrowing}
      above={(isMine || ticked.size > 0) && batch}
      before={(one) =>
        one.mine && (
          <Checkbox
            aria-label={`Tick ${visible(one.name)}`}
            checked={ticked.has(one.id)}
            onChange={(event) => tick(one, event.currentTarget.checked)}
          />
        )
      }
    >
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
  /** Between what narrows the list and the list; and before each line. */
  above?: ReactNode
  before?: (one: T) => ReactNode
  children: (one: T) => string
}

function Things<T extends Thing>(shown: Shown<T>) {
  const { noun, label, list, empty, narrowing, above, before, children } = shown
  const items = (list.data?.pages ?? []).flat()
  return (
    <Stack gap="sm">
      {narrowing.bar}
      {above}
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
                  <Group gap="sm" wrap="nowrap" align="flex-start">
                    {before?.(one)}
                    <div className="narrow">
                      <Way to={`/${noun}s/${one.id}`}>{visible(one.name)}</Way>
                      <Text size="sm" c="dimmed" className="figures">
                        {children(one)}: {countText(one.files, 'file')}, {sizeText(one.bytes)}.
                        Changed <When at={one.changedAt} />
                      </Text>
                    </div>
                  </Group>
                </Line>
              )}
            />
          )
        }
      </Answered>
    </Stack>
  )
}
