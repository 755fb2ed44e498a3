import { Button, Code, Group, Stack, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { countText, visible } from '../../api/words.ts'
import type { Fault } from '../../protocol/fault.ts'
import { LongList } from '../parts/long-list.tsx'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { site, useAct, usePages } from '../site.ts'

type JournalRecord = Told<'journal.read'>['records'][number]

const limit = 200

/** The audit log, the newest record first. */
export function Journal() {
  const asked = usePages('journal.read', { limit, newest: true }, (page) => page.next)
  const verify = useAct('journal.verify', [])
  return (
    <Part
      title="Journal"
      aside={
        <Group gap="xs">
          <Button
            size="xs"
            variant="default"
            loading={verify.isPending}
            onClick={() => verify.mutate({})}
          >
            Verify the chain
          </Button>
          <Export />
        </Group>
      }
    >
      <Text size="sm" c="dimmed">
        Everything that ever changed here, and who did it, the newest first.
      </Text>
      {verify.data && (
        <Text size="sm" role="status" className="long">
          {countText(verify.data.records, 'record')} verified; the chain is whole. Its head is{' '}
          {verify.data.head}
        </Text>
      )}
      {verify.error && <Trouble fault={verify.error} />}
      <Answered of={asked}>
        {({ pages }) => {
          const records = pages.flatMap((page) => page.records)
          if (records.length === 0) return <Empty>The journal has no record yet.</Empty>
          return (
            <LongList
              label="Records"
              items={records}
              keyOf={({ seq }) => seq}
              of={asked}
              row={(one) => <OneRecord of={one} />}
            />
          )
        }}
      </Answered>
    </Part>
  )
}

function OneRecord({ of: { seq, at, kind, by, data } }: { of: JournalRecord }) {
  return (
    <>
      <Group gap="xs" className="figures">
        <Text size="sm" fw={600}>
          {seq} {kind}
        </Text>
        <Text size="sm" c="dimmed" className="long">
          <When at={at} /> by {byText(by)}
        </Text>
      </Group>
      <details>
        <Text component="summary" size="sm">
          Record
        </Text>
        <Code block className="long wrap">
          {visible(JSON.stringify(data))}
        </Code>
      </details>
    </>
  )
}

/** All of it as a file with one JSON line a record, as the command line writes it. */
function Export() {
  const [count, setCount] = useState(0)
  const write = useMutation<void, Fault>({
    mutationFn: async () => save(await readAll(setCount), 'journal.jsonl'),
  })
  return (
    <Stack gap={4} align="flex-end">
      <Button size="xs" variant="default" loading={write.isPending} onClick={() => write.mutate()}>
        Export
      </Button>
      {write.isPending && (
        <Text size="xs" role="status" className="figures">
          {countText(count, 'record')} so far
        </Text>
      )}
      {write.error && <Trouble fault={write.error} />}
    </Stack>
  )
}

/** Page by page into pieces that the browser may keep on its disk. */
async function readAll(tell: (records: number) => void): Promise<Blob> {
  const pieces: Blob[] = []
  let records = 0
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: Told<'journal.read'> = await site.call('journal.read', { after })
    pieces.push(new Blob(page.records.map((one) => `${JSON.stringify(one)}\n`)))
    records += page.records.length
    tell(records)
    after = page.next
  }
  return new Blob(pieces, { type: 'application/jsonl' })
}

function save(content: Blob, name: string): void {
  const place = document.createElement('a')
  place.href = URL.createObjectURL(content)
  place.download = name
  place.click()
  URL.revokeObjectURL(place.href)
}

function byText(by: unknown): string {
  if (typeof by !== 'object' || by === null) return visible(String(by))
  return Object.entries(by)
    .map(([who, which]) => `${who} ${visible(String(which))}`)
    .join(', ')
}
