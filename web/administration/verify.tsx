import { Button, Group, List, Text } from '@mantine/core'
import { countText, sizeText, visible } from '../../api/words.ts'
import { Part } from '../parts/page.tsx'
import { Trouble } from '../parts/trouble.tsx'
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

/** What was read, and what of it is not what it should be. */
export function Verified({ of }: { of: { files: number; bytes: number; bad: string[] } }) {
  const { files, bytes, bad } = of
  if (bad.length === 0) {
    return (
      <Text size="sm" role="status">
        {countText(files, 'file')} verified, {sizeText(bytes)}: all of them are what they should be.
      </Text>
    )
  }
  return (
    <>
      <Text size="sm" role="alert">
        {countText(bad.length, 'file')} of {files} {bad.length === 1 ? 'is' : 'are'} not what{' '}
        {bad.length === 1 ? 'it' : 'they'} should be, or gone. Have them sent again, or make a new
        version of another copy.
      </Text>
      <List size="sm" className="long">
        {bad.map((path) => (
          <List.Item key={path}>{visible(path)}</List.Item>
        ))}
      </List>
    </>
  )
}
