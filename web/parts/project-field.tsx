import { NativeSelect } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { useAsk } from '../site.ts'

type Project = Told<'projects.list'>[number]

type Field = {
  value: string
  set: (project: string) => void
  /** What no choice means, as ''. */
  otherwise: 'My own' | 'That of the dataset'
  disabled?: boolean
}

/** In which project it will be, of those that the reader may write to; nothing is asked where there is one. */
export function ProjectField({ value, set, otherwise, disabled = false }: Field) {
  const asked = useAsk('projects.list', {})
  const mine = (asked.data ?? []).filter(({ role }) => role !== 'viewer')
  if (mine.length < 2) return null
  const nameOf = ({ personal, name }: Project) => (personal ? 'My own' : visible(name))
  const others = mine.filter(({ personal }) => !personal || otherwise !== 'My own')
  return (
    <NativeSelect
      label="Project"
      value={value}
      disabled={disabled}
      onChange={(event) => set(event.currentTarget.value)}
      data={[
        { value: '', label: otherwise },
        ...others.map((one) => ({ value: String(one.id), label: nameOf(one) })),
      ]}
    />
  )
}
