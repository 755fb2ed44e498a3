/** Several workflows that were ticked in a list, sent in one transfer. */
import { Box, Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { countText, visible } from '../../api/words.ts'
import { External } from './collaborators.tsx'
import type { Sending } from './dialog.tsx'

export type Ticked = Told<'workflows.list'>[number]

/** The most workflows of one transfer. */
const batchMax = 256

export function Batch({ ticked, clear }: { ticked: readonly Ticked[]; clear: () => void }) {
  const [isOpen, setOpen] = useState(false)
  const why = whyNot(ticked)
  const isReady = ticked.length > 0 && why === undefined
  return (
    <Stack gap="xs">
      {/* Its height is that of its buttons, so that the list below stays where it is. */}
      <Group gap="xs" mih={30}>
        {ticked.length === 0 ? (
          <Text size="sm" c="dimmed">
            Tick workflows of one dataset to send them together.
          </Text>
        ) : (
          <>
            <Button
              size="xs"
              disabled={!isReady}
              aria-expanded={isOpen && isReady}
              onClick={() => setOpen(!isOpen)}
            >
              Send {countText(ticked.length, 'workflow')}
            </Button>
            <Button
              size="xs"
              variant="default"
              onClick={() => {
                setOpen(false)
                clear()
              }}
            >
              Tick none
            </Button>
            <Text size="sm" role="status">
              {why}
            </Text>
          </>
        )}
      </Group>
      {isOpen && isReady && (
        <Box className="side external" role="group" aria-label="Send the ticked workflows">
          <External mine offers={offersOf(ticked)} />
        </Box>
      )}
    </Stack>
  )
}

function whyNot(ticked: readonly Ticked[]): string | undefined {
  if (ticked.length > batchMax) return `One transfer takes ${batchMax} of them at most.`
  const datasets = new Set(ticked.map(({ dataset }) => dataset))
  if (datasets.size < 2) return undefined
  return `They are of ${datasets.size} datasets: send those of one dataset at a time.`
}

function offersOf(ticked: readonly Ticked[]): Sending[] {
  const sending = {
    name: ticked.map(({ name }) => visible(name)).join(', '),
    dataset: ticked[0]!.dataset,
    workflows: ticked.map(({ id }) => id),
  }
  const all = countText(ticked.length, 'WF')
  return [
    { ...sending, verb: `Send ${all} & Files`, withFiles: true },
    { ...sending, verb: `Send ${all}`, withFiles: false },
  ]
}
