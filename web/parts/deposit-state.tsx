import { List, Text } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { countText, sizeText, visible } from '../../api/words.ts'
import { Trouble } from './trouble.tsx'

type State = NonNullable<Told<'datasets.show'>['deposit']>

/** What of a dataset lies in a deposit folder as ordinary files, and what is in the way. */
export function DepositState({ of }: { of: State }) {
  const { state, folder, files, bytes, version, conflictsCount, conflicts, fault } = of
  const words = {
    made: `${countText(files, 'file')}, ${sizeText(bytes)} of version ${version} lie there`,
    waiting: `version ${version} is about to be laid out`,
    failed: `version ${version} could not be laid out`,
  }
  return (
    <>
      <Text size="sm" className="long">
        {visible(folder)}: {words[state]}
      </Text>
      {conflictsCount > 0 && (
        <>
          <Text size="sm">
            {countText(conflictsCount, 'file')} of somebody else{' '}
            {conflictsCount === 1 ? 'is' : 'are'} in the way and was left alone. Move them away,
            then name the folder again.
          </Text>
          <List size="sm" className="long">
            {conflicts.map((path) => (
              <List.Item key={path}>{visible(path)}</List.Item>
            ))}
          </List>
        </>
      )}
      {fault !== undefined && <Trouble fault={fault} title="It is not there yet" />}
    </>
  )
}
