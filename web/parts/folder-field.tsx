import { TextInput } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { useAsk } from '../site.ts'

type Field = {
  label: string
  value: string
  set: (value: string) => void
  /** What the path must be: "a new folder", "a folder or a file". */
  what: string
  optional?: boolean
}

/** A path at the site's machine, and where it may lie. */
export function FolderField({ label, value, set, what, optional = false }: Field) {
  const may = useAsk('site.folders', {})
  return (
    <TextInput
      label={label}
      description={`On the site’s own machine, ${what}. ${may.data === undefined ? '' : whereText(may.data)}`}
      required={!optional}
      value={value}
      onChange={(event) => set(event.currentTarget.value)}
    />
  )
}

function whereText({ any, folders }: Told<'site.folders'>): string {
  if (any) return 'Give the whole path, for example /data/panel.'
  if (folders.length === 0)
    return 'At this site only administrators may name paths: ask one of them.'
  return `Below ${folders.map(visible).join(' or ')}.`
}
