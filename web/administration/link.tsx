import { Badge, Button, Group, Stack, Switch, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { Facts } from '../parts/facts.tsx'
import { Row } from '../parts/rows.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { useAct } from '../site.ts'

type LinkView = Told<'links.list'>[number]

const stateText = {
  asked: 'asked',
  accepted: 'linked',
  paused: 'paused',
  refused: 'refused',
  removed: 'removed',
}

const changes = ['links.list', 'connections.list', 'limits.list'] as const

/** One site: its state, what can be done, and what is agreed with it. */
export function Link({ of, ours }: { of: LinkView; ours: string | undefined }) {
  const { alias, state, name } = of
  const asksUs = state === 'asked' && of.asked === 'there'
  return (
    <Row acts={<Acts of={of} asksUs={asksUs} />}>
      <Group gap="xs">
        <Text fw={600}>{visible(alias)}</Text>
        <Text>{visible(name)}</Text>
        <Badge variant="light" tt="none" color={state === 'accepted' ? 'teal' : 'gray'}>
          {asksUs ? 'asks for a link' : stateText[state]}
        </Badge>
      </Group>
      <Text size="xs" c="dimmed">
        {of.site}. Changed <When at={of.changedAt} />
      </Text>
      {asksUs || state === 'refused' ? (
        <>
          <Fingerprints of={of} ours={ours} />
          <Accept of={of} />
        </>
      ) : (
        <details>
          <Text component="summary" size="sm">
            Fingerprint, name and policy
          </Text>
          <Stack gap="sm" mt="xs">
            <Fingerprints of={of} ours={ours} />
            <Policy of={of} />
            <Rename key={alias} of={of} />
          </Stack>
        </details>
      )}
    </Row>
  )
}

function Acts({ of, asksUs }: { of: LinkView; asksUs: boolean }) {
  const { id, alias, state } = of
  const refuse = useAct('links.refuse', changes)
  const pause = useAct('links.pause', changes)
  const resume = useAct('links.resume', changes)
  const remove = useAct('links.remove', changes)
  const fault = [refuse, pause, resume, remove].find(({ error }) => error !== null)?.error
  return (
    <>
      {state === 'accepted' && (
        <Button
          size="xs"
          variant="default"
          loading={pause.isPending}
          aria-label={`Pause ${alias}`}
          onClick={() => pause.mutate({ id })}
        >
          Pause
        </Button>
      )}
      {state === 'paused' && (
        <Button
          size="xs"
          loading={resume.isPending}
          aria-label={`Resume ${alias}`}
          onClick={() => resume.mutate({ id })}
        >
          Resume
        </Button>
      )}
      {asksUs && (
        <Sure
          verb="Refuse"
          what={alias}
          says="It may not ask again."
          busy={refuse.isPending}
          act={() => refuse.mutate({ id })}
        />
      )}
      <Sure
        verb="Remove"
        what={alias}
        says="Nothing crosses it then."
        busy={remove.isPending}
        act={() => remove.mutate({ id })}
      />
      {fault && <Trouble fault={fault} />}
    </>
  )
}

/** Read to each other by telephone, they tell that nobody stands between. */
function Fingerprints({ of, ours }: { of: LinkView; ours: string | undefined }) {
  return (
    <Facts
      rows={[
        ['Theirs', <span key="theirs">{of.fingerprint}</span>],
        ['Ours', ours],
        [
          'Compare',
          'Read them to the other administrator by telephone: both must be the same there.',
        ],
        ['Addresses', of.addresses.map(visible).join(', ')],
      ]}
    />
  )
}

function Accept({ of }: { of: LinkView }) {
  const { id, alias, state } = of
  const [chosen, setChosen] = useState('')
  const accept = useAct('links.accept', changes)
  const named = chosen.trim()
  return (
    <>
      <Group gap="xs" mt="xs" align="flex-end">
        <TextInput
          label="Our short name for it"
          placeholder={alias}
          value={chosen}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
        <Button
          loading={accept.isPending}
          aria-label={`Accept ${alias}`}
          onClick={() => accept.mutate({ id, ...(named !== '' && { alias: named }) })}
        >
          {state === 'refused' ? 'Accept after all' : 'Accept'}
        </Button>
      </Group>
      {accept.error && <Trouble fault={accept.error} />}
    </>
  )
}

function Policy({ of }: { of: LinkView }) {
  const { id, shared } = of
  const set = useAct('links.policy', changes)
  return (
    <>
      <Switch
        label="Count what other sites sent us as held for it too"
        description="It saves bytes when it sends what we have already, and lets it find out what that is. Without it only what it sent itself counts."
        checked={shared}
        disabled={set.isPending}
        onChange={(event) => set.mutate({ id, shared: event.currentTarget.checked })}
      />
      {set.error && <Trouble fault={set.error} />}
    </>
  )
}

function Rename({ of }: { of: LinkView }) {
  const [typed, setTyped] = useState(of.alias)
  const rename = useAct('links.rename', changes)
  function submit(event: FormEvent) {
    event.preventDefault()
    rename.mutate({ id: of.id, alias: typed.trim() })
  }
  return (
    <form onSubmit={submit}>
      <Group gap="xs" align="flex-end">
        <TextInput
          label="Our short name"
          description="People write it after the @ when they name somebody there."
          required
          flex="0 1 260px"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Button
          type="submit"
          variant="default"
          loading={rename.isPending}
          disabled={typed.trim() === of.alias || typed.trim() === ''}
          aria-label={`Rename ${of.alias}`}
        >
          Rename
        </Button>
      </Group>
      {rename.error && <Trouble fault={rename.error} />}
    </form>
  )
}
