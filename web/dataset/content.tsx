import { Button, Group, Stack } from '@mantine/core'
import { useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { FileList } from '../parts/file-list.tsx'
import { VersionField } from '../parts/version-field.tsx'

/** The files of one of its versions, to look at and to take along. */
export function Content({ of }: { of: Told<'datasets.show'> }) {
  const [version, setVersion] = useState(of.version)
  return (
    <Stack gap="sm">
      <Group align="flex-end" gap="sm">
        <VersionField versions={of.versions} value={version} set={setVersion} />
        <Button
          component="a"
          href={`/api/datasets/${of.id}/archive?version=${version}`}
          download
          variant="default"
        >
          Download all as a tar
        </Button>
      </Group>
      <FileList key={version} dataset={of.id} version={version} />
    </Stack>
  )
}
