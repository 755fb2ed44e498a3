import { Badge, Progress, Text } from '@mantine/core'
import type { ToldTransfer } from '../../api/shapes.ts'
import { bytesThere, countText, groupText, sizeText } from '../../api/words.ts'
import { percentOf, stateWords, timeLeftText, whatText } from '../words.ts'
import { Told } from './told.tsx'

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
  const there = `${sizeText(bytesThere(of))} of ${sizeText(bytes.chosen)}`
  const figures = {
    files: `${groupText(state === 'done' ? files.chosen : files.done)} of ${countText(files.chosen, 'file')}`,
    rate: state === 'moving' ? `${sizeText(bytesPerSecond)}/s` : '',
    left: timeLeftText(of),
  }
  return (
    <>
      <Progress
        value={percent}
        color={stateWords[state].color}
        aria-label={`${whatText(of)}: ${percent}% there`}
        my={6}
      />
      <div className="meter figures">
        <Text size="sm">
          <b>{percent}%</b>, {there}
        </Text>
        {Object.entries(figures).map(([name, text]) => (
          <Text size="sm" key={name} mih="1.5em">
            {text}
          </Text>
        ))}
      </div>
      {/* Its line is always there, so that a fault which comes and goes moves nothing. */}
      <Text size="sm" c={fault ? 'red' : 'dimmed'} className="long" mih="1.6em">
        {fault !== undefined && (
          <>
            {of.endedAt ? 'Why' : 'Last fault, tried again'}: <Told text={fault.text} />
          </>
        )}
      </Text>
    </>
  )
}
