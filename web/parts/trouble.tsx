import { Alert, Button, List, Text } from '@mantine/core'
import { Fault, type FaultKind, faultKinds } from '../../protocol/fault.ts'
import { Told } from './told.tsx'

const titles: Record<FaultKind, string> = {
  invalid: 'Please correct this',
  denied: 'This is not for you',
  missing: 'Not found',
  exists: 'Already there',
  conflict: 'It does not fit',
  gone: 'This has ended',
  busy: 'Not just now',
  unreachable: 'No answer',
  corrupt: 'Bytes are damaged',
  full: 'No room left',
  unsupported: 'Not in this version',
  internal: 'A mistake in Crossload',
}

/** A fault that a question brought, or one that the site tells of something that runs. */
type Telling = { kind: string; text: string; list?: readonly string[] | undefined }

type Shown = {
  fault: Fault | Telling
  /** Where the page knows better than the kind. */
  title?: string
  again?: () => void
}

/** What went wrong, whose it was, and what to do next: the last two are in the fault's own words. */
export function Trouble({ fault, title, again }: Shown) {
  const kind = Object.hasOwn(faultKinds, fault.kind) ? (fault.kind as FaultKind) : 'internal'
  const text = fault instanceof Fault ? fault.message : fault.text
  const there = fault instanceof Fault && fault.side === 'there' ? 'At the other site: ' : ''
  const list = fault.list ?? []
  return (
    <Alert
      color={faultKinds[kind].again ? 'orange' : 'red'}
      title={title ?? `${there}${titles[kind]}`}
      role="alert"
    >
      <Text size="sm" className="long">
        <Told text={text} />
      </Text>
      {list.length > 0 && (
        <List size="sm" mt="xs" className="long">
          {list.map((line) => (
            <List.Item key={line}>
              <Told text={line} />
            </List.Item>
          ))}
        </List>
      )}
      {again !== undefined && (
        <Button size="xs" mt="xs" variant="default" onClick={again}>
          Try again
        </Button>
      )}
    </Alert>
  )
}
