import { Stack } from '@mantine/core'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Rows } from '../parts/rows.tsx'
import { useAsk } from '../site.ts'
import { Add, Invite } from './invite.tsx'
import { Link } from './link.tsx'

/** How often it is looked whether a site asked, in milliseconds. */
const lookMs = 10_000

export function Links() {
  const asked = useAsk('links.list', {}, { refetchInterval: lookMs })
  const us = useAsk('site.show', {})
  return (
    <Stack>
      <Part title="Sites we know">
        <Answered of={asked}>
          {(all) => {
            const shown = all.filter(({ state }) => state !== 'removed')
            return shown.length === 0 ? (
              <Empty>
                No site is linked. Make an invitation and give it to the other site’s administrator,
                or redeem one that you were given.
              </Empty>
            ) : (
              <Rows label="Links">
                {shown.map((one) => (
                  <Link key={one.id} of={one} ours={us.data?.fingerprint} />
                ))}
              </Rows>
            )
          }}
        </Answered>
      </Part>
      <Invite />
      <Add />
    </Stack>
  )
}
