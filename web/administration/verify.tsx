import { Button, Group, Text } from '@mantine/core'
import { Part } from '../parts/page.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { Verified } from '../parts/verified.tsx'
import { Work } from '../parts/work.tsx'
import { useWork } from '../site.ts'

/** Every version of everything against its root, and the index against its sums. */
export function Verify() {
  const verify = useWork('site.verify', ['site.show', 'site.scrub'])
  return (
    <Part title="Verify: every dataset and workflow against its root">
      <Text size="sm" mb="xs">
        The scrub reads what is held; this reads what people have, version by version, files that
        were left in place too.
      </Text>
      <Group>
        <Button variant="default" loading={verify.isPending} onClick={() => verify.mutate({})}>
          Verify everything
        </Button>
      </Group>
      <Work of={verify} />
      {verify.error && <Trouble fault={verify.error} />}
      {verify.data && <Verified of={verify.data} />}
    </Part>
  )
}
