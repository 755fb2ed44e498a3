import { Button, Group, List, Stack, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { countText, sizeText, visible } from '../../api/words.ts'
import { FolderField } from '../parts/folder-field.tsx'
import { Part } from '../parts/page.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { Work } from '../parts/work.tsx'
import { useWork } from '../site.ts'

/** A copy of everything that the site is, while it runs. */
export function Backup() {
  const [folder, setFolder] = useState('')
  const copy = useWork('site.backup', [])
  function submit(event: FormEvent) {
    event.preventDefault()
    copy.mutate({ folder: folder.trim() })
  }
  return (
    <Part title="Backup">
      <form onSubmit={submit}>
        <Stack gap="xs">
          <Text size="sm">
            A copy of the journal, the key, the people and the store in a new folder, made while the
            site runs. It holds the site’s secrets: keep it where only administrators can read.
          </Text>
          <List size="sm">
            <List.Item>Files that were left in place are not in it.</List.Item>
            <List.Item>
              To bring a site back, put the copy where its home was and start the site there.
            </List.Item>
          </List>
          <FolderField
            label="New folder"
            what="a new folder, best on another disk"
            value={folder}
            set={setFolder}
          />
          {copy.error && <Trouble fault={copy.error} />}
          <Group>
            <Button type="submit" loading={copy.isPending} disabled={folder.trim() === ''}>
              Copy everything there
            </Button>
          </Group>
          <Work of={copy} />
          {copy.data && (
            <Text size="sm" role="status">
              Copied {countText(copy.data.files, 'file')}, {sizeText(copy.data.bytes)}, to{' '}
              {visible(copy.data.folder)}
            </Text>
          )}
        </Stack>
      </form>
    </Part>
  )
}
