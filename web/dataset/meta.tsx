import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { visible } from '../../api/words.ts'
import { Empty, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAct } from '../site.ts'

type Sides = { id: number; meta: Readonly<Record<string, string>>; writes: boolean }

/** Words about a dataset that travel with it. */
export function Meta({ id, meta, writes }: Sides) {
  const change = useAct('datasets.meta', ['datasets.show', 'datasets.list'])
  const [key, setKey] = useState('')
  const [value, setValue] = useState('')
  const all = Object.entries(meta)
  function submit(event: FormEvent) {
    event.preventDefault()
    change.mutate(
      { id, changes: { [key.trim()]: value.trim() } },
      {
        onSuccess: () => {
          setKey('')
          setValue('')
        },
      },
    )
  }
  return (
    <Part title="Metadata">
      {all.length === 0 ? (
        <Empty>
          Nothing is noted. Keys and values, such as instrument and FACScan, travel with the
          dataset.
        </Empty>
      ) : (
        <Rows label="Metadata">
          {all.map(([name, text]) => (
            <Row
              key={name}
              acts={
                writes && (
                  <Sure
                    verb="Take away"
                    what={visible(name)}
                    says="It is then not noted any more."
                    busy={change.isPending}
                    act={() => change.mutate({ id, changes: { [name]: null } })}
                  />
                )
              }
            >
              <Text size="sm">
                <b>{visible(name)}</b>: {visible(text)}
              </Text>
            </Row>
          ))}
        </Rows>
      )}
      {change.error && <Trouble fault={change.error} />}
      {writes && (
        <form onSubmit={submit} aria-label="Note something">
          <Stack gap="xs" mt="sm">
            <Group gap="xs" align="flex-end">
              <TextInput
                label="Key"
                required
                maxLength={200}
                flex="1 1 140px"
                value={key}
                onChange={(event) => setKey(event.currentTarget.value)}
              />
              <TextInput
                label="Value"
                required
                maxLength={4096}
                flex="2 1 200px"
                value={value}
                onChange={(event) => setValue(event.currentTarget.value)}
              />
              <Button
                type="submit"
                variant="default"
                loading={change.isPending}
                disabled={key.trim() === '' || value.trim() === ''}
              >
                Note it
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Part>
  )
}
