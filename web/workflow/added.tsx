import { List, Text } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { Way } from '../address.tsx'

/** What became of a document, and what of it is open. */
export function Added({ of }: { of: Told<'workflows.add'> }) {
  const { id, version, dataset, datasetVersion, unbound, open, flagged } = of
  const notes = [
    ...unbound.map((place) => `Left as it is, naming another dataset: ${visible(place)}`),
    ...open.map(
      (slot) => `A slot that nothing is bound to yet: ${visible(slot)}. Bind it under Inputs.`,
    ),
    ...flagged.map((path) => `A name that may trouble other systems: ${visible(path)}`),
  ]
  return (
    <div role="status">
      <Text size="sm">
        All is there: <Way to={`/workflows/${id}`}>{`workflow ${id}, version ${version}`}</Way>,
        bound to dataset {dataset}, version {datasetVersion}.
      </Text>
      {notes.length > 0 && (
        <List size="sm" className="long" mt="xs">
          {notes.map((note) => (
            <List.Item key={note}>{note}</List.Item>
          ))}
        </List>
      )}
    </div>
  )
}
