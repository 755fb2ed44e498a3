import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { countText, visible } from '../../api/words.ts'
import type { DatasetId } from '../../protocol/ids.ts'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { useAct, useAsk } from '../site.ts'

/** Datasets whose content stays even when somebody removes them. */
export function Holds() {
  const asked = useAsk('holds.list', {})
  const release = useAct('holds.release', ['holds.list'])
  return (
    <Part title="Holds: content that stays">
      <Answered of={asked}>
        {(all) =>
          all.length === 0 ? (
            <Empty>
              Nothing is held. A hold keeps a dataset’s content, as it is now, also when its owners
              remove it.
            </Empty>
          ) : (
            <Rows label="Holds">
              {all.map(({ id, dataset, name, reason, versions, madeAt }) => (
                <Row
                  key={id}
                  acts={
                    <Sure
                      verb="Release"
                      what={`hold ${id}`}
                      says="What nobody else holds may then be given back."
                      busy={release.isPending}
                      act={() => release.mutate({ id })}
                    />
                  }
                >
                  <Text fw={600}>
                    Dataset {dataset}: {visible(name)}
                  </Text>
                  <Text size="sm" c="dimmed">
                    {visible(reason)}. {countText(versions, 'version')}, since <When at={madeAt} />
                  </Text>
                </Row>
              ))}
            </Rows>
          )
        }
      </Answered>
      {release.error && <Trouble fault={release.error} />}
      <Add />
    </Part>
  )
}

function Add() {
  const [dataset, setDataset] = useState('')
  const [reason, setReason] = useState('')
  const add = useAct('holds.add', ['holds.list'])
  const isNumber = /^[1-9][0-9]{0,14}$/.test(dataset.trim())
  function submit(event: FormEvent) {
    event.preventDefault()
    add.mutate(
      { dataset: Number(dataset) as DatasetId, reason: reason.trim() },
      {
        onSuccess: () => {
          setDataset('')
          setReason('')
        },
      },
    )
  }
  return (
    <form onSubmit={submit} aria-label="Hold a dataset">
      <Stack gap="xs" mt="sm">
        <Group gap="xs" align="flex-start">
          <TextInput
            label="Dataset ID"
            required
            inputMode="numeric"
            flex="0 1 140px"
            value={dataset}
            error={dataset.trim() !== '' && !isNumber && 'A whole number'}
            onChange={(event) => setDataset(event.currentTarget.value)}
          />
          <TextInput
            label="Why it must stay"
            required
            maxLength={500}
            flex="1 1 240px"
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        </Group>
        {add.error && <Trouble fault={add.error} />}
        <Group>
          <Button
            type="submit"
            variant="default"
            loading={add.isPending}
            disabled={!isNumber || reason.trim() === ''}
          >
            Hold it
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
