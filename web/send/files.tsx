import { Button, Checkbox, Group, Stack, Text, VisuallyHidden } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { countText, sizeText, visible } from '../../api/words.ts'
import { Answered } from '../parts/page.tsx'
import { useAsk } from '../site.ts'
import {
  type Choice,
  chosenOf,
  everything,
  patternsMax,
  patternsOf,
  type Thing,
  tick,
} from './choice.ts'
import { type Line, linesOf, useFolders } from './folders.ts'

/** Undefined: all files. */
export type Chosen = string[] | undefined

type Files = { dataset: number; choose: (chosen: Chosen) => void }

/** Which files are sent: boxes on folders and files, and a folder is read when it is opened. */
export function Files({ dataset, choose }: Files) {
  const whole = useAsk('datasets.show', { id: dataset })
  return (
    <Answered of={whole}>
      {(of) => <Tree key={of.version} of={of} dataset={dataset} choose={choose} />}
    </Answered>
  )
}

function Tree({ of, dataset, choose }: Files & { of: Told<'datasets.show'> }) {
  const top: Thing = { path: '', folder: true, files: of.files, bytes: of.bytes }
  const [choice, setChoice] = useState(() => everything(top))
  const { opened, read, close } = useFolders(dataset)
  useEffect(() => void read(''), [read])
  const lines = useMemo(() => linesOf(opened, '', 1), [opened])
  const chosen = chosenOf(choice, top)
  const patterns = patternsOf(choice)
  function set(thing: Thing, on: boolean) {
    const next = tick(choice, thing, on)
    setChoice(next)
    choose(patternsOf(next))
  }
  return (
    <Stack gap="xs" role="group" aria-label="Files to send">
      <Box thing={top} name="All files" choice={choice} set={set} />
      <Lines lines={lines}>
        {(line) =>
          line.is === 'more' ? (
            <More of={line} read={read} />
          ) : (
            <Group gap="xs" wrap="nowrap">
              <Box
                thing={line.thing}
                name={line.thing.path.slice(line.thing.path.lastIndexOf('/') + 1)}
                choice={choice}
                set={set}
              />
              {line.thing.folder && (
                <Opener
                  line={line}
                  open={() => void read(line.thing.path)}
                  close={() => close(line.thing.path)}
                />
              )}
            </Group>
          )
        }
      </Lines>
      <Text size="sm" className="figures" aria-live="polite">
        {countText(chosen.files, 'file')} ticked, {sizeText(chosen.bytes)}
      </Text>
      {(patterns?.length ?? 0) > patternsMax && (
        <Text size="sm" c="red">
          That is more than {patternsMax} ticks one by one. Tick whole folders, or send in several
          transfers.
        </Text>
      )}
    </Stack>
  )
}

type Ticking = {
  thing: Thing
  name: string
  choice: Choice
  set: (thing: Thing, on: boolean) => void
}

function Box({ thing, name, choice, set }: Ticking) {
  const { files } = chosenOf(choice, thing)
  const isOn = thing.files === 0 ? chosenOf(choice, { ...thing, files: 1 }).files > 0 : files > 0
  const isWhole = files === thing.files
  // Eyes see how far it stands to the right.
  const where = thing.path.slice(0, Math.max(thing.path.lastIndexOf('/'), 0))
  const amount = thing.folder
    ? `${countText(thing.files, 'file')}, ${sizeText(thing.bytes)}`
    : sizeText(thing.bytes)
  return (
    <Checkbox
      size="sm"
      classNames={{ label: 'long', labelWrapper: 'narrow' }}
      label={
        <>
          {`${visible(name)}${thing.folder && thing.path !== '' ? '/' : ''} (${amount})`}
          {where !== '' && <VisuallyHidden>, in {visible(where)}</VisuallyHidden>}
        </>
      }
      checked={isOn && isWhole}
      indeterminate={isOn && !isWhole}
      onChange={(event) => set(thing, event.currentTarget.checked)}
    />
  )
}

type Opening = { line: Line & { is: 'thing' }; open: () => void; close: () => void }

function Opener({ line, open, close }: Opening) {
  const name = visible(line.thing.path.slice(line.thing.path.lastIndexOf('/') + 1))
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      flex="none"
      aria-expanded={line.open}
      aria-label={`${line.open ? 'Close' : 'Open'} ${name}`}
      onClick={line.open ? close : open}
    >
      {line.open ? 'Close' : 'Open'}
    </Button>
  )
}

type Reading = { of: Line & { is: 'more' }; read: (folder: string, after?: string) => unknown }

/** The rest of a folder comes when its place is reached; what failed waits to be asked again. */
function More({ of: { folder, of }, read }: Reading) {
  const { state, next } = of
  useEffect(() => {
    if (state === 'ready' && next !== undefined) void read(folder, next)
  }, [state, next, folder, read])
  if (typeof state === 'string') return <Text size="sm">Asking the site…</Text>
  return (
    <Group gap="xs">
      <Text size="sm" c="red">
        {visible(state.message)}
      </Text>
      <Button size="compact-xs" variant="default" onClick={() => read(folder, next)}>
        Try again
      </Button>
    </Group>
  )
}

/** Lines in a box of its own that scrolls; only those that are near are on the page. */
function Lines({
  lines,
  children,
}: {
  lines: readonly Line[]
  children: (line: Line) => React.ReactNode
}) {
  const box = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => 30,
    getItemKey: (index) => keyOf(lines[index]!),
    overscan: 10,
    useFlushSync: false,
  })
  const shown = rows.getVirtualItems()
  const before = shown[0]?.start ?? 0
  const after = rows.getTotalSize() - (shown.at(-1)?.end ?? 0)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard too.
    <section className="tree" ref={box} tabIndex={0} aria-label="Folders and files">
      <ul className="ticks" style={{ paddingTop: before, paddingBottom: after }}>
        {shown.map(({ index, key }) => {
          const line = lines[index]!
          return (
            <li
              key={key}
              ref={rows.measureElement}
              data-index={index}
              style={{ paddingLeft: line.depth * 20 }}
            >
              {children(line)}
            </li>
          )
        })}
      </ul>
    </section>
  )
}

const keyOf = (line: Line) => (line.is === 'thing' ? line.thing.path : `${line.folder}/ more`)
