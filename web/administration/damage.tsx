import { Alert, List, Text } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { countText, visible } from '../../api/words.ts'

type Scrub = Told<'site.scrub'>
type Damage = Scrub['damaged'][number]

const foundText = {
  damaged: 'is damaged',
  missing: 'is gone',
  changed: 'has changed where it lies',
}

/** What was found damaged, whose it is, and who can send it again. */
export function Damaged({ of }: { of: Scrub }) {
  if (of.damagedCount === 0) return null
  const more = of.damagedCount - of.damaged.length
  return (
    <Alert color="red" title={`${countText(of.damagedCount, 'thing')} damaged`}>
      <Text size="sm">
        Have each sent again by somebody who has it, or put it back from another copy; it is then
        whole, and goes from this list when it is read again.
      </Text>
      <List size="sm" className="long" mt="xs">
        {of.damaged.map((one) => (
          <List.Item key={one.cid}>
            <One of={one} />
          </List.Item>
        ))}
        {more > 0 && <List.Item>and {countText(more, 'thing')} more</List.Item>}
      </List>
    </Alert>
  )
}

function One({ of }: { of: Damage }) {
  const { cid, found, owners, sources, place } = of
  const dataset = owners.find(({ kind }) => kind === 'dataset')
  const what = dataset === undefined ? 'workflow' : 'dataset'
  return (
    <>
      {owners.length === 0 && `${cid} ${foundText[found]}.`}
      {owners.map(({ kind, id, name, version, path }) => (
        <Text size="sm" key={`${kind} ${id} ${version} ${path}`}>
          {kind} {id} ({visible(name)}){version !== undefined && `, version ${version}`}:{' '}
          {visible(path)} {foundText[found]}.
        </Text>
      ))}
      {place !== undefined && (
        <Text size="sm">It lies at {visible(place)}: put it back, or make a new version.</Text>
      )}
      {sources.map(({ site, alias, name, id, version }) => (
        <Text size="sm" key={site}>
          {visible(name)}
          {alias !== undefined && ` (${alias})`} has it as {what} {id}, version {version}: ask them
          to send it again{dataset !== undefined && ` into dataset ${dataset.id}`}.
        </Text>
      ))}
      {sources.length === 0 && place === undefined && (
        <Text size="sm">
          No linked site is known to have it: put it back from a backup, or add the files again.
        </Text>
      )}
    </>
  )
}
