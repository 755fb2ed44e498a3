import { Checkbox, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { Limit, type LimitView, Now } from '../limits/limit.tsx'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { useAct, useAsk } from '../site.ts'

/** How often it is looked what holds now, in milliseconds. */
const lookMs = 30_000

/** How fast content may go: of the site as a whole, and of each link. */
export function Limits() {
  const asked = useAsk('limits.list', {}, { refetchInterval: lookMs })
  const links = useAsk('links.list', {})
  return (
    <Answered of={asked}>
      {(all) => (
        <Stack>
          <Part title="The site as a whole">
            <OfSite now={all.find(({ of }) => of === 'site')} />
          </Part>
          <Part title="Links">
            <Answered of={links}>
              {(known) =>
                known.length === 0 ? (
                  <Empty>No site is linked. Each link can have a limit of its own.</Empty>
                ) : (
                  <Rows label="Limits of links">
                    {known.map((link) => (
                      <OfLink
                        key={link.id}
                        link={link}
                        now={all.find((one) => one.link === link.id)}
                      />
                    ))}
                  </Rows>
                )
              }
            </Answered>
          </Part>
          <Part title="My transfers">
            <Transfers of={all.filter(({ of }) => of === 'transfer')} />
          </Part>
        </Stack>
      )}
    </Answered>
  )
}

function OfSite({ now }: { now: LimitView | undefined }) {
  const [exempt, setExempt] = useState(now?.localExempt ?? false)
  const set = useAct('limits.set', ['limits.list'])
  const clear = useAct('limits.clear', ['limits.list'])
  return (
    <Limit
      what="the site"
      now={now}
      set={{ ...set, mutate: (changes) => set.mutate({ ...changes, localExempt: exempt }) }}
      clear={{ ...clear, mutate: () => clear.mutate({}) }}
    >
      <Checkbox
        label="Not for sites at an address of the local network"
        checked={exempt}
        onChange={(event) => setExempt(event.currentTarget.checked)}
      />
    </Limit>
  )
}

type OfLink = { link: Told<'links.list'>[number]; now: LimitView | undefined }

function OfLink({ link, now }: OfLink) {
  const { id, alias } = link
  const set = useAct('limits.set-link', ['limits.list'])
  const clear = useAct('limits.clear-link', ['limits.list'])
  return (
    <Row>
      <details>
        <Text component="summary">
          <b>{visible(alias)}</b>: {now === undefined ? 'no limit of its own' : 'limited'}
        </Text>
        <Limit
          what={alias}
          now={now}
          set={{ ...set, mutate: (changes) => set.mutate({ id, ...changes }) }}
          clear={{ ...clear, mutate: () => clear.mutate({ id }) }}
        />
      </details>
    </Row>
  )
}

function Transfers({ of }: { of: readonly LimitView[] }) {
  if (of.length === 0) {
    return <Empty>None of them has a limit of its own. It is set on the page of a transfer.</Empty>
  }
  return (
    <Rows label="Limits of transfers">
      {of.map((one) => (
        <Row key={one.transfer}>
          <Way to={`/transfers/${one.transfer}`}>Transfer {one.transfer}</Way>
          <Now of={one} />
        </Row>
      ))}
    </Rows>
  )
}
