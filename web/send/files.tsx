import { Button, Checkbox, Group, Stack, Text, Textarea } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { countText, sizeText, visible } from '../../api/words.ts'
import type { Fault } from '../../protocol/fault.ts'
import { Answered } from '../parts/page.tsx'
import { site } from '../site.ts'
import { type Folder, folderOf, type Listed, patternsMax, patternsOf } from './choice.ts'

/** Files that are shown with a box each; of larger datasets one sends all, or what matches patterns. */
const shownMax = 3000

/** Undefined: all files. */
export type Chosen = string[] | undefined

export function Files({ dataset, choose }: { dataset: number; choose: (chosen: Chosen) => void }) {
  const listed = useQuery<Listed[] | 'many', Fault>({
    queryKey: ['datasets.files', dataset, 'to send'],
    queryFn: ({ signal }) => listFiles(dataset, signal),
  })
  return (
    <Answered of={listed}>
      {(files) =>
        files === 'many' ? <Patterns choose={choose} /> : <Ticks files={files} choose={choose} />
      }
    </Answered>
  )
}

async function listFiles(id: number, signal: AbortSignal): Promise<Listed[] | 'many'> {
  const files: Listed[] = []
  let after: string | undefined
  do {
    const page = await site.call('datasets.files', { id, after }, { signal })
    files.push(...page.files)
    after = page.next
    if (files.length > shownMax) return 'many'
  } while (after !== undefined)
  return files
}

function Ticks({ files, choose }: { files: Listed[]; choose: (chosen: Chosen) => void }) {
  const top = useMemo(() => folderOf(files), [files])
  const [ticked, setTicked] = useState<ReadonlySet<string>>(() => new Set(files.map((f) => f.path)))
  function tick(these: readonly Listed[], on: boolean) {
    const next = new Set(ticked)
    for (const { path } of these) {
      if (on) next.add(path)
      else next.delete(path)
    }
    setTicked(next)
    choose(patternsOf(top, next))
  }
  const chosen = files.filter(({ path }) => ticked.has(path))
  const bytes = chosen.reduce((sum, { size }) => sum + size, 0)
  const tooMany = (patternsOf(top, ticked)?.length ?? 0) > patternsMax
  return (
    <Stack gap="xs" role="group" aria-label="Files to send">
      <FolderBox folder={top} name="All files" ticked={ticked} tick={tick} />
      <div className="tree">
        <Inside folder={top} ticked={ticked} tick={tick} />
      </div>
      <Text size="sm" className="figures" aria-live="polite">
        {countText(chosen.length, 'file')} ticked, {sizeText(bytes)}
      </Text>
      {tooMany && (
        <Text size="sm" c="red">
          That is more than {patternsMax} files one by one. Tick whole folders, or send in several
          transfers.
        </Text>
      )}
    </Stack>
  )
}

type Ticking = {
  folder: Folder
  ticked: ReadonlySet<string>
  tick: (these: readonly Listed[], on: boolean) => void
}

function FolderBox({ folder, name, ticked, tick }: Ticking & { name: string }) {
  const count = folder.all.filter(({ path }) => ticked.has(path)).length
  const bytes = folder.all.reduce((sum, { size }) => sum + size, 0)
  return (
    <Checkbox
      label={`${visible(name)} (${countText(folder.all.length, 'file')}, ${sizeText(bytes)})`}
      checked={count > 0 && count === folder.all.length}
      indeterminate={count > 0 && count < folder.all.length}
      onChange={(event) => tick(folder.all, event.currentTarget.checked)}
    />
  )
}

function Inside({ folder, ticked, tick }: Ticking) {
  return (
    <ul className="ticks">
      {folder.folders.map((one) => (
        <Inner key={one.path} folder={one} ticked={ticked} tick={tick} />
      ))}
      {folder.files.map((file) => (
        <li key={file.path}>
          <Checkbox
            size="sm"
            label={`${visible(file.path.slice(folder.path === '' ? 0 : folder.path.length + 1))} (${sizeText(file.size)})`}
            checked={ticked.has(file.path)}
            onChange={(event) => tick([file], event.currentTarget.checked)}
          />
        </li>
      ))}
    </ul>
  )
}

/** A folder opens when it is asked to: a thousand boxes at once help nobody. */
function Inner({ folder, ticked, tick }: Ticking) {
  const [open, setOpen] = useState(false)
  return (
    <li>
      <Group gap="xs" align="center">
        <FolderBox folder={folder} name={`${folder.name}/`} ticked={ticked} tick={tick} />
        <Button
          size="compact-xs"
          variant="subtle"
          aria-expanded={open}
          aria-label={`${open ? 'Close' : 'Open'} ${visible(folder.name)}`}
          onClick={() => setOpen(!open)}
        >
          {open ? 'Close' : 'Open'}
        </Button>
      </Group>
      {open && <Inside folder={folder} ticked={ticked} tick={tick} />}
    </li>
  )
}

function Patterns({ choose }: { choose: (chosen: Chosen) => void }) {
  const [text, setText] = useState('')
  return (
    <Textarea
      label="Only files that match"
      description={`This dataset has more than ${shownMax} files, so they are not listed one by one. Empty: all of them. Else one pattern a line, such as raw/** or **/*.fcs`}
      autosize
      minRows={2}
      value={text}
      onChange={(event) => {
        const now = event.currentTarget.value
        setText(now)
        const lines = now.split('\n').filter((line) => line.trim() !== '')
        choose(lines.length === 0 ? undefined : lines)
      }}
    />
  )
}
