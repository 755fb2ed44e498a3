/** What is done with a workflow besides sending it: its next version, its files, its end. */
import { Button, Checkbox, Group, Text } from '@mantine/core'
import { useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { countText, visible } from '../../api/words.ts'
import { go } from '../address.tsx'
import { FolderField } from '../parts/folder-field.tsx'
import { Part } from '../parts/page.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { VersionField } from '../parts/version-field.tsx'
import { WorkForm } from '../parts/work-form.tsx'
import { site, useAct, useWork } from '../site.ts'
import { Added } from './added.tsx'
import { DocumentFields, inputOf, isWhole, useDocumented } from './form.tsx'

type Workflow = Told<'workflows.show'>

export function Export({ of }: { of: Workflow }) {
  const [version, setVersion] = useState(of.version)
  const [folder, setFolder] = useState('')
  const [canonical, setCanonical] = useState(false)
  const write = useWork('workflows.export', [])
  return (
    <WorkForm
      title="Export to a folder"
      aside={
        <Button
          component="a"
          size="xs"
          variant="default"
          href={site.addressOf('workflows.content', { id: of.id, path: 'document', version })}
          download
        >
          Download the document
        </Button>
      }
      verb="Export"
      isWhole={folder.trim() !== ''}
      ask={() => write.mutate({ id: of.id, version, folder: folder.trim(), canonical })}
      of={write}
      done={(wrote) => (
        <Text size="sm" role="status" className="long">
          Wrote {visible(wrote.document)}
          {wrote.job !== undefined && ` and ${visible(wrote.job)}`}, with{' '}
          {countText(wrote.files, 'result file')}, to {visible(wrote.folder)}
        </Text>
      )}
    >
      <VersionField versions={of.versions} value={version} set={setVersion} />
      <FolderField
        label="New folder"
        what="one that is not there yet"
        value={folder}
        set={setFolder}
      />
      <Checkbox
        label="The form that travels, instead of the one bound to our dataset"
        checked={canonical}
        onChange={(event) => setCanonical(event.currentTarget.checked)}
      />
    </WorkForm>
  )
}

export function Update({ of }: { of: Workflow }) {
  const documented = useDocumented()
  const update = useWork('workflows.update', ['workflows.show', 'workflows.list'])
  return (
    <WorkForm
      title="Next version"
      verb="Make the next version"
      isWhole={isWhole(documented.of)}
      ask={() => update.mutate({ id: of.id, ...inputOf(documented.of) })}
      of={update}
      done={(made) => <Added of={made} />}
    >
      <DocumentFields {...documented} keepsResults />
    </WorkForm>
  )
}

export function Remove({ of }: { of: Workflow }) {
  const remove = useAct('workflows.remove', ['workflows.list'])
  return (
    <Part title="Remove">
      <Text size="sm" mb="xs">
        It goes out of every list, with all its versions and results. Its dataset stays, and so does
        what was sent to other sites. It cannot be brought back.
      </Text>
      <Group>
        <Sure
          verb="Remove"
          what={visible(of.name)}
          says={`Workflow ${of.id} cannot be brought back.`}
          busy={remove.isPending}
          act={() => remove.mutate({ id: of.id }, { onSuccess: () => go('/workflows') })}
        />
      </Group>
      {remove.error && <Trouble fault={remove.error} />}
    </Part>
  )
}
