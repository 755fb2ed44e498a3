import { Badge, Group, Progress, Text } from '@mantine/core'
import type { ToldTransfer } from '../../api/shapes.ts'
import {
  bytesThere,
  countText,
  groupText,
  percentOf,
  sizeText,
  stateWords,
  timeLeftText,
  visible,
  whatText,
} from '../words.ts'

export function State({ of }: { of: ToldTransfer }) {
  const { text, color } = stateWords[of.state]
  return (
    <Badge color={color} variant="light" tt="none" maw="100%">
      {text}
    </Badge>
  )
}

/** How far a transfer is: a bar, its figures, and what went wrong last. */
export function Meter({ of }: { of: ToldTransfer }) {
  const { bytes, files, bytesPerSecond, fault, state } = of
  const percent = percentOf(of)
  const figures = [
    `${sizeText(bytesThere(of))} of ${sizeText(bytes.chosen)}`,
    `${groupText(state === 'done' ? files.chosen : files.done)} of ${countText(files.chosen, 'file')}`,
    state === 'moving' ? `${sizeText(bytesPerSecond)}/s` : undefined,
    timeLeftText(of),
  ]
  return (
    <>
      <Progress
        value={percent}
        color={stateWords[state].color}
        aria-label={`${whatText(of)}: ${percent}% there`}
        my={6}
      />
      <Group gap="md" className="figures">
        <Text size="sm" fw={600}>
          {percent}%
        </Text>
        {figures
          .filter((one) => one !== undefined)
          .map((one) => (
            <Text size="sm" key={one}>
              {one}
            </Text>
          ))}
      </Group>
      {/* Its line is always there, so that a fault which comes and goes moves nothing. */}
      <Text size="sm" c={fault ? 'red' : 'dimmed'} className="long" mih="1.6em">
        {fault === undefined
          ? ''
          : `${of.endedAt ? 'Why' : 'Last fault, tried again'}: ${visible(fault.text)}`}
      </Text>
    </>
  )
}
