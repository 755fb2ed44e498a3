import { Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { Part } from '../parts/page.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { Verified } from '../parts/verified.tsx'
import { VersionField } from '../parts/version-field.tsx'
import { Work } from '../parts/work.tsx'
import { useWork } from '../site.ts'

/** Every file read and hashed again. */
export function Check({ of }: { of: Told<'datasets.show'> }) {
  const [version, setVersion] = useState(of.version)
  const verify = useWork('datasets.verify', ['site.show'])
  return (
    <Part title="Verify">
      <Stack gap="xs">
        <Text size="sm">Reads every file of it and compares it with what its name says.</Text>
        <Group align="flex-end" gap="sm">
          <VersionField versions={of.versions} value={version} set={setVersion} />
          <Button
            variant="default"
            loading={verify.isPending}
            onClick={() => verify.mutate({ id: of.id, version })}
          >
            Verify
          </Button>
        </Group>
        <Work of={verify} />
        {verify.error && <Trouble fault={verify.error} />}
        {verify.data && <Verified of={verify.data} />}
      </Stack>
    </Part>
  )
}
