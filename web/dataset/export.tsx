import { Text } from '@mantine/core'
import { useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { countText, sizeText, visible } from '../../api/words.ts'
import { FolderField } from '../parts/folder-field.tsx'
import { VersionField } from '../parts/version-field.tsx'
import { WorkForm } from '../parts/work-form.tsx'
import { useWork } from '../site.ts'

/** As ordinary files in a new folder of the site's machine. */
export function Export({ of }: { of: Told<'datasets.show'> }) {
  const [version, setVersion] = useState(of.version)
  const [folder, setFolder] = useState('')
  const write = useWork('datasets.export', [])
  return (
    <WorkForm
      title="Export to a folder"
      verb="Export"
      isWhole={folder.trim() !== ''}
      ask={() => write.mutate({ id: of.id, version, folder: folder.trim() })}
      of={write}
      done={(wrote) => (
        <Text size="sm" role="status" className="long">
          Wrote {countText(wrote.files, 'file')}, {sizeText(wrote.bytes)}, to{' '}
          {visible(wrote.folder)}
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
    </WorkForm>
  )
}
