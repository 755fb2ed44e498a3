/** A workflow of a document and results that lie at the site's machine. */
import { Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { visible } from '../../api/words.ts'
import type { DatasetId, ProjectId } from '../../protocol/ids.ts'
import { useHash } from '../address.tsx'
import { Page } from '../parts/page.tsx'
import { ProjectField } from '../parts/project-field.tsx'
import { VersionField } from '../parts/version-field.tsx'
import { WorkForm } from '../parts/work-form.tsx'
import { useAsk, useWork } from '../site.ts'
import { Added } from '../workflow/added.tsx'
import { DocumentFields, inputOf, isWhole, useDocumented } from '../workflow/form.tsx'

export function NewWorkflow() {
  // The dataset from whose page one comes.
  const from = useHash()
  const [dataset, setDataset] = useState(from)
  const [version, setVersion] = useState<number>()
  const [project, setProject] = useState('')
  const [name, setName] = useState('')
  const documented = useDocumented()
  const add = useWork('workflows.add', ['workflows.list'])
  const isNumber = /^[1-9][0-9]{0,14}$/.test(dataset.trim())
  const id = (isNumber ? Number(dataset) : 0) as DatasetId
  const known = useAsk('datasets.show', { id }, { enabled: isNumber })
  const versions = useAsk('datasets.versions', { id }, { enabled: isNumber })
  const about = known.data
  const input = {
    ...{ name: name.trim(), dataset: id, ...inputOf(documented.of) },
    ...(version !== undefined && { version }),
    ...(project !== '' && { project: Number(project) as ProjectId }),
  }
  return (
    <Page title="New workflow">
      <WorkForm
        title="What it is made of"
        verb="Make it"
        variant="filled"
        isWhole={isNumber && name.trim() !== '' && isWhole(documented.of)}
        ask={() => add.mutate(input)}
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
          onChange={(event) => {
            setDataset(event.currentTarget.value)
            setVersion(undefined)
          }}
        />
        <Text size="sm" c="dimmed" mih="1.5em">
          {about !== undefined && `${visible(about.name)}, version ${version ?? about.version}`}
          {known.error !== null && isNumber && 'There is no such dataset that you may see.'}
        </Text>
        {about !== undefined && (
          <VersionField
            versions={versions.data ?? []}
            value={version ?? about.version}
            set={setVersion}
          />
        )}
        <TextInput
          label="Name"
          required
          maxLength={200}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <ProjectField value={project} set={setProject} otherwise="That of the dataset" />
        <DocumentFields {...documented} />
      </WorkForm>
    </Page>
  )
}
