/** Tokens of a person, for programs: listed by what opens nothing, made, and ended. */
import { Badge, Button, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Asked, Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import type { Fault } from '../../protocol/fault.ts'
import { type Answer, Answered, Empty } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Secret } from '../parts/secret.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'

type Token = Told<'tokens.list'>[number]
export type NewToken = Asked<'tokens.add'>
type Scope = Token['scope']

/** Something that is asked for, and what became of it. */
type Acting<I, O> = {
  mutate: (input: I, options?: { onSuccess?: () => void }) => void
  isPending: boolean
  error: Fault | null
  data: O | undefined
}

const scopeText: Record<Scope, string> = {
  all: 'everything its person may',
  read: 'reads only',
  metrics: 'metrics only',
}

type Listed = { asked: Answer<Token[]>; remove: Acting<string, unknown> }

export function TokenList({ asked, remove }: Listed) {
  return (
    <>
      <Answered of={asked}>
        {(all) =>
          all.length === 0 ? (
            <Empty>
              There is no token. A program that asks this site in a person’s name, such as the
              command line on another machine, shows one instead of a password.
            </Empty>
          ) : (
            <Rows label="Tokens">
              {all.map((one) => (
                <One key={one.id} of={one} remove={remove} />
              ))}
            </Rows>
          )
        }
      </Answered>
      {remove.error && <Trouble fault={remove.error} />}
    </>
  )
}

function One({ of, remove }: { of: Token; remove: Listed['remove'] }) {
  const { id, label, scope, createdAt, expiresAt } = of
  const name = label === '' ? id : visible(label)
  return (
    <Row
      acts={
        <Sure
          verb="Revoke"
          what={`token ${name}`}
          says="Programs that use it are then refused."
          busy={remove.isPending}
          act={() => remove.mutate(id)}
        />
      }
    >
      <Group gap="xs">
        <Text fw={600}>{name}</Text>
        <Badge variant="light" tt="none" color={scope === 'all' ? 'orange' : 'teal'}>
          {scopeText[scope]}
        </Badge>
      </Group>
      <Text size="sm" c="dimmed">
        Made <When at={createdAt} />.{' '}
        {expiresAt === undefined ? (
          'It lasts until it is revoked.'
        ) : (
          <>
            It ends <When at={expiresAt} />.
          </>
        )}
      </Text>
    </Row>
  )
}

const dayMs = 24 * 3600 * 1000
/** What may be chosen; the last lasts. */
const spans = [
  { value: String(30 * dayMs), label: '30 days' },
  { value: String(90 * dayMs), label: '90 days' },
  { value: String(365 * dayMs), label: 'one year' },
  { value: '', label: 'until it is revoked' },
]

type Making = {
  /** With the scope for Prometheus, which only administrators' tokens are good for. */
  withMetrics: boolean
  make: Acting<NewToken, { token: string }>
}

export function MakeToken({ withMetrics, make }: Making) {
  const [label, setLabel] = useState('')
  const [scope, setScope] = useState<Scope>('all')
  const [span, setSpan] = useState(spans[1]!.value)
  const scopes: Scope[] = withMetrics ? ['all', 'read', 'metrics'] : ['all', 'read']
  function submit(event: FormEvent) {
    event.preventDefault()
    const expires = span === '' ? {} : { expiresMs: Number(span) }
    const made = { label: label.trim(), scope, ...expires }
    make.mutate(made, { onSuccess: () => setLabel('') })
  }
  return (
    <>
      <form onSubmit={submit}>
        <Stack gap="xs">
          <Group gap="xs" align="flex-end">
            <TextInput
              label="What it is for"
              required
              maxLength={200}
              flex="2 1 200px"
              value={label}
              onChange={(event) => setLabel(event.currentTarget.value)}
            />
            <NativeSelect
              label="It may"
              flex="1 1 180px"
              data={scopes.map((value) => ({ value, label: scopeText[value] }))}
              value={scope}
              onChange={(event) => setScope(event.currentTarget.value as Scope)}
            />
            <NativeSelect
              label="It lasts"
              flex="1 1 140px"
              data={spans}
              value={span}
              onChange={(event) => setSpan(event.currentTarget.value)}
            />
          </Group>
          {make.error && <Trouble fault={make.error} />}
          <Group>
            <Button type="submit" loading={make.isPending} disabled={label.trim() === ''}>
              Make a token
            </Button>
          </Group>
        </Stack>
      </form>
      {make.data && (
        <Secret text={make.data.token} what="the token">
          This is shown this once. Whoever has it acts in its person’s name; give it to the program
          now.
        </Secret>
      )}
    </>
  )
}
