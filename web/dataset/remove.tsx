import { Group, Text } from '@mantine/core'
import { go } from '../address.tsx'
import { Part } from '../parts/page.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAct } from '../site.ts'

/** Out of every list; what it means is said before. */
export function Remove({ id, name }: { id: number; name: string }) {
  const remove = useAct('datasets.remove', ['datasets.list', 'workflows.list'])
  return (
    <Part title="Remove">
      <Text size="sm" mb="xs">
        It goes out of every list, with all its versions, and its room on the disk is given back in
        time unless an administrator holds it. Workflows that are bound to it stay bound. What was
        sent to other sites stays there. It cannot be brought back.
      </Text>
      <Group>
        <Sure
          verb="Remove"
          what={name}
          says={`Dataset ${id} cannot be brought back.`}
          busy={remove.isPending}
          act={() => remove.mutate({ id }, { onSuccess: () => go('/datasets') })}
        />
      </Group>
      {remove.error && <Trouble fault={remove.error} />}
    </Part>
  )
}
