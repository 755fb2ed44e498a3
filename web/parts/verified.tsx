import { List, Text } from '@mantine/core'
import { countText, sizeText, visible } from '../../api/words.ts'

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
