import { Alert, Button, List, Text } from '@mantine/core'
import { Fault, type FaultSide, faultKinds } from '../../protocol/fault.ts'
import { visible } from '../words.ts'

const whose: Record<FaultSide, string> = {
  here: 'This site could not do it',
  there: 'The other site did not do it',
  between: 'The line between was cut',
}

/** A fault that a question brought, or one that the site tells of something that runs. */
type Told = { kind: string; text: string; list?: readonly string[] | undefined }

/** What went wrong, whose it was, and what to do next. */
export function Trouble({ fault, again }: { fault: Fault | Told; again?: () => void }) {
  const row = Object.hasOwn(faultKinds, fault.kind)
    ? faultKinds[fault.kind as keyof typeof faultKinds]
    : undefined
  const text = fault instanceof Fault ? fault.message : fault.text
  const title = fault instanceof Fault ? whose[fault.side] : 'What went wrong'
  const list = fault.list ?? []
  return (
    <Alert color={row?.again ? 'yellow' : 'red'} title={title} role="alert">
      <Text size="sm" className="long">
        {visible(text)}
      </Text>
      {list.length > 0 && (
        <List size="sm" mt="xs" className="long">
          {list.map((line) => (
            <List.Item key={line}>{visible(line)}</List.Item>
          ))}
        </List>
      )}
      {row !== undefined && row.sentence !== text && (
        <Text size="sm" mt={4}>
          {row.sentence}
        </Text>
      )}
      {again !== undefined && (
        <Button size="xs" mt="xs" variant="default" onClick={again}>
          Try again
        </Button>
      )}
    </Alert>
  )
}
