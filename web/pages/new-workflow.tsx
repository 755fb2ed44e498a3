/** A workflow of a document and results that lie at the site's machine. */
import { Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { visible } from '../../api/words.ts'
import type { DatasetId } from '../../protocol/ids.ts'
import { useHash } from '../address.tsx'
import { Page } from '../parts/page.tsx'
import { WorkForm } from '../parts/work-form.tsx'
import { useAsk, useWork } from '../site.ts'
import { Added } from '../workflow/added.tsx'
import { DocumentFields, inputOf, isWhole, useDocumented } from '../workflow/form.tsx'

export function NewWorkflow() {
  // The dataset from whose page one comes.
  const from = useHash()
  const [dataset, setDataset] = useState(from)
  const [name, setName] = useState('')
  const documented = useDocumented()
  const add = useWork('workflows.add', ['workflows.list'])
  const isNumber = /^[1-9][0-9]{0,14}$/.test(dataset.trim())
  const id = (isNumber ? Number(dataset) : 0) as DatasetId
  const known = useAsk('datasets.show', { id }, { enabled: isNumber })
  const about = known.data
  return (
    <Page title="New workflow">
      <WorkForm
        title="What it is made of"
        verb="Make it"
        variant="filled"
        isWhole={isNumber && name.trim() !== '' && isWhole(documented.of)}
        ask={() => add.mutate({ name: name.trim(), dataset: id, ...inputOf(documented.of) })}
        of={add}
        done={(made) => <Added of={made} />}
      >
        <TextInput
          label="Dataset ID"
          description="What the workflow is about"
          required
          inputMode="numeric"
          value={dataset}
          error={dataset.trim() !== '' && !isNumber && 'An ID is a whole number.'}
          onChange={(event) => setDataset(event.currentTarget.value)}
        />
        <Text size="sm" c="dimmed" mih="1.5em">
          {about !== undefined && `${visible(about.name)}, version ${about.version}`}
          {known.error !== null && isNumber && 'There is no such dataset that you may see.'}
        </Text>
        <TextInput
          label="Name"
          required
          maxLength={200}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <DocumentFields {...documented} />
      </WorkForm>
    </Page>
  )
}
