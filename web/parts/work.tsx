import { Group, Loader, Text } from '@mantine/core'
import type { Progress } from '../../api/client.ts'
import { countText, sizeText } from '../../api/words.ts'

/** Something that takes as long as the disk takes, and how far it is. Its line is always there. */
export function Work({ of }: { of: { isPending: boolean; progress: Progress | undefined } }) {
  const { isPending, progress } = of
  const done =
    progress && `${countText(progress.files, 'file')}, ${sizeText(progress.bytes)} so far`
  return (
    <Group gap="xs" mih="1.6em" role="status">
      {isPending && (
        <>
          <Loader size="xs" />
          <Text size="sm" className="figures">
            {done ?? 'Begun.'} Leave this window open until it is done.
          </Text>
        </>
      )}
    </Group>
  )
}
