/** What is done with a workflow besides sending it: its next version, its files, its end. */
import { Button, Checkbox, Group, Stack, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { countText, visible } from '../../api/words.ts'
import { go } from '../address.tsx'
import { FolderField } from '../parts/folder-field.tsx'
import { Part } from '../parts/page.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { VersionField } from '../parts/version-field.tsx'
import { Work } from '../parts/work.tsx'
import { site, useAct, useWork } from '../site.ts'
import { Added } from './added.tsx'
import { DocumentFields, inputOf, isWhole, useDocumented } from './form.tsx'

type Workflow = Told<'workflows.show'>

export function Export({ of }: { of: Workflow }) {
  const [version, setVersion] = useState(of.version)
  const [folder, setFolder] = useState('')
  const [canonical, setCanonical] = useState(false)
  const write = useWork('workflows.export', [])
  function submit(event: FormEvent) {
    event.preventDefault()
    write.mutate({ id: of.id, version, folder: folder.trim(), canonical })
  }
  return (
    <Part
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
    >
      <form onSubmit={submit}>
        <Stack gap="xs">
          <VersionField versions={of.versions} value={version} set={setVersion} />
          <FolderField label="New folder" what="which is made" value={folder} set={setFolder} />
          <Checkbox
            label="The form that travels, instead of the one bound to our dataset"
            checked={canonical}
            onChange={(event) => setCanonical(event.currentTarget.checked)}
          />
          {write.error && <Trouble fault={write.error} />}
          <Group>
            <Button
              type="submit"
              variant="default"
              loading={write.isPending}
              disabled={folder.trim() === ''}
            >
              Export
            </Button>
          </Group>
          <Work of={write} />
          {write.data && (
            <Text size="sm" role="status" className="long">
              Wrote {visible(write.data.document)}
              {write.data.job !== undefined && ` and ${visible(write.data.job)}`}, with{' '}
              {countText(write.data.files, 'result file')}, to {visible(write.data.folder)}
            </Text>
          )}
        </Stack>
      </form>
    </Part>
  )
}

export function Update({ of }: { of: Workflow }) {
  const documented = useDocumented()
  const update = useWork('workflows.update', ['workflows.show', 'workflows.list'])
  function submit(event: FormEvent) {
    event.preventDefault()
    update.mutate({ id: of.id, ...inputOf(documented.of) })
  }
  return (
    <Part title="Next version">
      <form onSubmit={submit}>
        <Stack gap="xs">
          <DocumentFields {...documented} keepsResults />
          {update.error && <Trouble fault={update.error} />}
          <Group>
            <Button
              type="submit"
              variant="default"
              loading={update.isPending}
              disabled={!isWhole(documented.of)}
            >
              Make the next version
            </Button>
          </Group>
          <Work of={update} />
          {update.data && <Added of={update.data} />}
        </Stack>
      </form>
    </Part>
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
