import { Button, Checkbox, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Asked, Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { go } from '../address.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAct } from '../site.ts'
import { Counts, useDryRun } from './dry-run.tsx'
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
  const run = useDryRun(input, ready)
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
        <Counts of={run} enabled={ready} isNothing={isNothing} />
        {what.workflows.length > 0 && (
          <Checkbox
            label="Bind although inputs changed or are missing there"
            checked={allow}
            onChange={(event) => setAllow(event.currentTarget.checked)}
          />
        )}
        {begin.error && <Trouble fault={begin.error} />}
        {/* Its line is always there, so that the buttons do not move. */}
        <Text size="sm" role="status" mih="1.5em">
          {run.refused}
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Close
          </Button>
          <Button
            disabled={!ready || run.refused !== undefined}
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
