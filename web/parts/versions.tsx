import { Text } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { countText, sizeText } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { Row, Rows } from './rows.tsx'
import { When } from './when.tsx'

/** The versions of a dataset or a workflow, newest first, and where each came from. */
export function Versions({ of }: { of: Told<'datasets.versions'> }) {
  return (
    <Rows label="Versions">
      {of.toReversed().map(({ version, addedAt, by, files, bytes, origin }) => (
        <Row key={version}>
          <Text size="sm" className="figures">
            <b>Version {version}</b>: {countText(files, 'file')}, {sizeText(bytes)}. Added{' '}
            <When at={addedAt} /> by {by}
          </Text>
          {origin && (
            <Text size="sm" c="dimmed">
              Came from {origin.alias ?? origin.site}, where it is {origin.id}, version{' '}
              {origin.version}: <Way to={`/transfers/${origin.transfer}`}>its transfer</Way>
            </Text>
          )}
        </Row>
      ))}
    </Rows>
  )
}
