/** A dataset, or the next version of one, of files that lie at the site's own machine. */
import { Checkbox, List, NativeSelect, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { visible } from '../../api/words.ts'
import type { DatasetId, ProjectId } from '../../protocol/ids.ts'
import { Way } from '../address.tsx'
import { FolderField } from '../parts/folder-field.tsx'
import { WorkForm } from '../parts/work-form.tsx'
import { useWork } from '../site.ts'

type Reading = { path: string; inPlace: boolean; links: 'refuse' | 'follow' }

const title = 'Or files at the site’s machine'
const nothing: Reading = { path: '', inPlace: false, links: 'refuse' }

export function AddFolder({ project }: { project: ProjectId | undefined }) {
  const [name, setName] = useState('')
  const [from, setFrom] = useState(nothing)
  const add = useWork('datasets.add', ['datasets.list'])
  function ask() {
    const path = from.path.trim()
    const into = project === undefined ? {} : { project }
    add.mutate({ ...from, path, name: name.trim(), ...into })
  }
  return (
    <WorkForm
      title={title}
      verb="Add them"
      isWhole={name.trim() !== '' && from.path.trim() !== ''}
      ask={ask}
      of={add}
      done={(made) => <Added of={made} />}
    >
      <TextInput
        label="What the dataset is called"
        required
        maxLength={200}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <How of={from} set={setFrom} />
    </WorkForm>
  )
}

export function UpdateFromFolder({ dataset }: { dataset: DatasetId }) {
  const [from, setFrom] = useState(nothing)
  const update = useWork('datasets.update', ['datasets.list', 'datasets.show'])
  return (
    <WorkForm
      title={title}
      verb="Make the next version of them"
      isWhole={from.path.trim() !== ''}
      ask={() => update.mutate({ ...from, path: from.path.trim(), id: dataset })}
      of={update}
      done={(made) => <Added of={made} />}
    >
      <How of={from} set={setFrom} />
    </WorkForm>
  )
}

function How({ of, set }: { of: Reading; set: (next: Reading) => void }) {
  return (
    <>
      <FolderField
        label="Folder or file"
        what="a folder with all that is in it, or one file"
        value={of.path}
        set={(path) => set({ ...of, path })}
      />
      <Checkbox
        label="Leave the files where they are"
        description="They are read from there, and nothing is copied. Whoever changes them there damages the dataset."
        checked={of.inPlace}
        onChange={(event) => set({ ...of, inPlace: event.currentTarget.checked })}
      />
      <NativeSelect
        label="Symbolic links"
        value={of.links}
        data={[
          { value: 'refuse', label: 'Refuse them, with a list' },
          { value: 'follow', label: 'Follow links that stay inside' },
        ]}
        onChange={(event) => set({ ...of, links: event.currentTarget.value as Reading['links'] })}
      />
    </>
  )
}

type Made = { id: number; version: number; flagged: readonly string[] }

function Added({ of: { id, version, flagged } }: { of: Made }) {
  return (
    <div role="status">
      <Text size="sm">
        All is there: <Way to={`/datasets/${id}`}>{`dataset ${id}, version ${version}`}</Way>
      </Text>
      {flagged.length > 0 && (
        <>
          <Text size="sm" mt="xs">
            Some names may trouble other systems. They travel as they are:
          </Text>
          <List size="sm" className="long">
            {flagged.map((path) => (
              <List.Item key={path}>{visible(path)}</List.Item>
            ))}
          </List>
        </>
      )}
    </div>
  )
}
