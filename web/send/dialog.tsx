import { Button, Checkbox, Group, List, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Asked, Told } from '../../api/routes.ts'
import { countText, sizeText, visible } from '../../api/words.ts'
import type { Fault } from '../../protocol/fault.ts'
import { go } from '../address.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { site, useAct } from '../site.ts'
import { type Chosen, Files } from './files.tsx'

export type Recipient = Told<'connections.list'>[number]

/** What is sent: a dataset's files, workflows, or both. */
export type Sending = {
  verb: string
  name: string
  dataset: number
  workflows: number[]
  withFiles: boolean
  /** The dataset's ID there, where an earlier transfer told it. */
  dest?: number | undefined
}

/** How long one may go on typing before the destination is asked, in milliseconds. */
const settledMs = 500

export function SendDialog({
  what,
  to,
  close,
}: {
  what: Sending
  to: Recipient
  close: () => void
}) {
  const [chosen, choose] = useState<Chosen>()
  const [dest, setDest] = useState(String(what.dest ?? (what.withFiles ? 0 : '')))
  const [allow, setAllow] = useState(false)
  const begin = useAct('transfers.send', ['transfers.list'])
  const typed = dest.trim() === '' && what.withFiles ? '0' : dest.trim()
  const isNumber = /^(0|[1-9][0-9]{0,14})$/.test(typed)
  const isNothing = chosen !== undefined && chosen.length === 0
  const input = inputOf(what, to, chosen, Number(typed), allow)
  const ready = isNumber && !isNothing
  return (
    <Modal
      opened
      onClose={close}
      title={<b>{`${what.verb}: ${visible(what.name)}`}</b>}
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close the dialog' }}
    >
      <Stack>
        <Text size="sm" className="long">
          To <b>{`${to.person}@${to.alias}`}</b>
        </Text>
        {what.withFiles && <Files dataset={what.dataset} choose={choose} />}
        <TextInput
          label={what.withFiles ? 'Dataset ID' : 'Dest Dataset ID'}
          description={destHelp(what, to.alias)}
          inputMode="numeric"
          value={dest}
          onChange={(event) => setDest(event.currentTarget.value)}
          error={
            dest.trim() !== '' && !isNumber && 'An ID is a whole number; 0 means a new dataset.'
          }
        />
        <DryRun input={input} enabled={ready} isNothing={isNothing} />
        {what.workflows.length > 0 && (
          <Checkbox
            label="Bind although inputs changed or are missing there"
            checked={allow}
            onChange={(event) => setAllow(event.currentTarget.checked)}
          />
        )}
        {begin.error && <Trouble fault={begin.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Close
          </Button>
          <Button
            disabled={!ready}
            loading={begin.isPending}
            onClick={() => begin.mutate(input, { onSuccess: ({ id }) => go(`/transfers/${id}`) })}
          >
            Send
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}

function destHelp({ withFiles, dest }: Sending, alias: string): string {
  if (withFiles)
    return `0 makes a new dataset at ${alias}; the ID of one there adds these files to it.`
  if (dest !== undefined) return `From your last complete transfer of the dataset to ${alias}.`
  return `The dataset at ${alias} that the workflow is to use. It stands in the transfer history as Dest Dataset.`
}

function inputOf(
  { dataset, workflows, withFiles }: Sending,
  to: Recipient,
  files: Chosen,
  dest: number,
  allow: boolean,
): Asked<'transfers.send'> {
  const chosen = files === undefined ? {} : { files }
  return {
    to: to.id,
    dest,
    ...(withFiles && { dataset: { id: dataset, ...chosen } }),
    ...(workflows.length > 0 && { workflows, allow }),
  }
}

type Run = { input: Asked<'transfers.send'>; enabled: boolean; isNothing: boolean }

/** What would cross, counted at the destination; asked anew whenever the choice has settled. */
function DryRun({ input, enabled, isNothing }: Run) {
  const now = JSON.stringify(input)
  const [settled] = useDebouncedValue(now, settledMs)
  const run = useQuery<Told<'transfers.dry-run'>, Fault>({
    queryKey: ['transfers.dry-run', settled],
    queryFn: ({ signal }) => site.call('transfers.dry-run', JSON.parse(settled), { signal }),
    enabled: enabled && settled === now,
    retry: false,
    gcTime: 0,
  })
  // An answer to an earlier choice is not shown beside this one.
  const data = settled === now && enabled ? run.data : undefined
  const fault = settled === now && enabled ? run.error : null
  return (
    <Stack gap="xs" mih={60} aria-live="polite">
      {data !== undefined && (
        <Text fw={600} className="figures">
          {sizeText(data.bytes)} chosen, {sizeText(data.held.bytes)} already there,{' '}
          {sizeText(data.bytes - data.held.bytes)} to send
        </Text>
      )}
      {data === undefined && fault === null && (
        <Text c="dimmed" size="sm">
          {isNothing
            ? 'Tick at least one file.'
            : enabled
              ? 'Asking the destination what it has already…'
              : 'Fill in the ID; then the destination is asked what it has already.'}
        </Text>
      )}
      {fault !== null && (
        <Trouble fault={fault} {...(fault.again && { again: () => void run.refetch() })} />
      )}
      {data !== undefined && <Travels of={data} />}
    </Stack>
  )
}

function Travels({ of }: { of: Told<'transfers.dry-run'> }) {
  const { will, willNot, binding, flagged } = of
  const poor = binding.filter(({ state }) => state !== 'matched')
  return (
    <List size="sm" className="long">
      {will.map((line) => (
        <List.Item key={line}>Travels: {visible(line)}</List.Item>
      ))}
      <List.Item>
        Stays here: {willNot.join(', ')}. Make groups and add collaborators again over there.
      </List.Item>
      {binding.length > 0 && (
        <List.Item>
          {countText(binding.length - poor.length, 'input')} of {binding.length} matched
        </List.Item>
      )}
      {poor.map(({ label, path, state, now }) => (
        <List.Item key={`${label} ${path}`}>
          Input {visible(label)}: {visible(path)} is {state}
          {now !== undefined && `, now ${visible(now)}`}
        </List.Item>
      ))}
      {flagged.map((name) => (
        <List.Item key={name}>Some systems cannot hold this name: {visible(name)}</List.Item>
      ))}
    </List>
  )
}
