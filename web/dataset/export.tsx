import { Button, Group, Stack, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { countText, sizeText, visible } from '../../api/words.ts'
import { FolderField } from '../parts/folder-field.tsx'
import { Part } from '../parts/page.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { VersionField } from '../parts/version-field.tsx'
import { Work } from '../parts/work.tsx'
import { useWork } from '../site.ts'

/** As ordinary files in a new folder of the site's machine. */
export function Export({ of }: { of: Told<'datasets.show'> }) {
  const [version, setVersion] = useState(of.version)
  const [folder, setFolder] = useState('')
  const write = useWork('datasets.export', [])
  function submit(event: FormEvent) {
    event.preventDefault()
    write.mutate({ id: of.id, version, folder: folder.trim() })
  }
  return (
    <Part title="Export to a folder">
      <form onSubmit={submit}>
        <Stack gap="xs">
          <VersionField versions={of.versions} value={version} set={setVersion} />
          <FolderField label="New folder" what="which is made" value={folder} set={setFolder} />
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
              Wrote {countText(write.data.files, 'file')}, {sizeText(write.data.bytes)}, to{' '}
              {visible(write.data.folder)}
            </Text>
          )}
        </Stack>
      </form>
    </Part>
  )
}
