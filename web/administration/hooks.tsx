import { Badge, Button, Checkbox, Group, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { hookEvents } from '../../api/hook-events.ts'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Secret } from '../parts/secret.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { useAct, useAsk } from '../site.ts'

type HookView = Told<'hooks.list'>[number]

/** How often it is looked how the deliveries go, in milliseconds. */
const lookMs = 10_000

/** Where this site tells other programs what happened. */
export function Hooks() {
  const asked = useAsk('hooks.list', {}, { refetchInterval: lookMs })
  return (
    <Stack>
      <Part title="Webhooks">
        <Answered of={asked}>
          {(all) =>
            all.length === 0 ? (
              <Empty>
                No program is told what happens here. Add an address, and give the receiver the
                secret that signs what it gets.
              </Empty>
            ) : (
              <Rows label="Webhooks">
                {all.map((one) => (
                  <Hook key={one.id} of={one} />
                ))}
              </Rows>
            )
          }
        </Answered>
      </Part>
      <Add />
    </Stack>
  )
}

const colours = { working: 'teal', failing: 'orange', paused: 'red' }

function Hook({ of }: { of: HookView }) {
  const { id, url, state, events } = of
  const test = useAct('hooks.test', [])
  const resume = useAct('hooks.resume', ['hooks.list'])
  const remove = useAct('hooks.remove', ['hooks.list'])
  const fault = [test, resume, remove].find(({ error }) => error !== null)?.error
  const what = `webhook ${id}`
  return (
    <Row
      acts={
        <>
          <Button
            size="xs"
            variant="default"
            loading={test.isPending}
            aria-label={`Test ${what}`}
            onClick={() => test.mutate({ id })}
          >
            Test
          </Button>
          {state !== 'working' && (
            <Button
              size="xs"
              loading={resume.isPending}
              aria-label={`Try ${what} now`}
              onClick={() => resume.mutate({ id })}
            >
              Try now
            </Button>
          )}
          {state !== 'working' && (
            <Sure
              verb="Skip"
              what={`the event that ${what} has not taken`}
              says="It is never told; those after it are."
              busy={resume.isPending}
              act={() => resume.mutate({ id, skip: true })}
            />
          )}
          <Sure
            verb="Remove"
            what={what}
            says="What it was not told yet it is never told."
            busy={remove.isPending}
            act={() => remove.mutate({ id })}
          />
        </>
      }
    >
      <Group gap="xs">
        <Text fw={600}>{visible(url)}</Text>
        <Badge variant="light" tt="none" color={colours[state]}>
          {state}
        </Badge>
      </Group>
      <Text size="xs" c="dimmed">
        {events.length === hookEvents.length ? 'Everything' : events.join(', ')}
      </Text>
      <Problem of={of} />
      {test.data && (
        <Text size="sm" role="status">
          {test.data.problem === undefined
            ? `The test was taken: ${test.data.status}.`
            : `The test was not taken. ${visible(test.data.problem)}`}
        </Text>
      )}
      {of.deliveries.length > 0 && <Deliveries of={of.deliveries} />}
      {fault && <Trouble fault={fault} />}
    </Row>
  )
}

function Problem({ of }: { of: HookView }) {
  const why = of.problem ?? of.deliveries[0]?.problem
  if (of.state === 'working' || why === undefined) return null
  return (
    <Text size="sm">
      {visible(why)}
      {of.nextTryAt !== undefined && (
        <>
          {' '}
          It is tried again <When at={of.nextTryAt} />.
        </>
      )}
    </Text>
  )
}

function Deliveries({ of }: { of: HookView['deliveries'] }) {
  return (
    <details>
      <Text component="summary" size="sm">
        Last deliveries
      </Text>
      <Rows label="Last deliveries">
        {of.map(({ event, type, at, tries, status, problem }) => (
          <Row key={event}>
            <Text size="sm" className="figures">
              <When at={at} /> {type},{' '}
              {problem === undefined ? `taken: ${status}` : visible(problem)}
              {tries > 1 && ` (${tries} tries)`}
            </Text>
          </Row>
        ))}
      </Rows>
    </details>
  )
}

function Add() {
  const [url, setUrl] = useState('')
  const [events, setEvents] = useState<readonly string[]>([])
  const add = useAct('hooks.add', ['hooks.list'])
  function submit(event: FormEvent) {
    event.preventDefault()
    const chosen = hookEvents.filter((name) => events.includes(name))
    add.mutate(
      { url: url.trim(), ...(chosen.length > 0 && { events: chosen }) },
      {
        onSuccess: () => {
          setUrl('')
          setEvents([])
        },
      },
    )
  }
  return (
    <Part title="Tell a program">
      <form onSubmit={submit}>
        <Stack gap="xs">
          <TextInput
            label="Address"
            description="It begins with https:// and is kept in the journal, so put no secret in it."
            required
            value={url}
            onChange={(event) => setUrl(event.currentTarget.value)}
          />
          <Checkbox.Group
            label="What it is told"
            description="Everything, unless some are chosen."
            value={[...events]}
            onChange={setEvents}
          >
            <Group gap="md" mt="xs">
              {hookEvents.map((name) => (
                <Checkbox key={name} value={name} label={name} />
              ))}
            </Group>
          </Checkbox.Group>
          {add.error && <Trouble fault={add.error} />}
          <Group>
            <Button type="submit" loading={add.isPending}>
              Add
            </Button>
          </Group>
        </Stack>
      </form>
      {add.data && (
        <Secret text={add.data.secret} what="the secret">
          This secret signs what webhook {add.data.id} sends. It is shown this once: give it to the
          receiver now.
        </Secret>
      )}
    </Part>
  )
}
