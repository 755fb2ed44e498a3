import { Badge, Group, Text } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { useAct, useAsk } from '../site.ts'

const changes = ['session.list'] as const

/** Where I am logged in, and how to be so no more. */
export function Sessions() {
  const asked = useAsk('session.list', {})
  const endOthers = useAct('session.end-others', changes)
  const others = (asked.data ?? []).filter(({ isMine }) => !isMine).length
  return (
    <Part
      title="Sessions"
      aside={
        others > 0 && (
          <Sure
            verb="End the others"
            what="of my sessions"
            says="Browsers elsewhere are logged out."
            busy={endOthers.isPending}
            act={() => endOthers.mutate({})}
          />
        )
      }
    >
      {endOthers.error && <Trouble fault={endOthers.error} />}
      <Answered of={asked}>
        {(all) =>
          all.length === 0 ? (
            <Empty>You are logged in at no browser.</Empty>
          ) : (
            <Rows label="Sessions">
              {all.map((one) => (
                <One key={one.id} of={one} />
              ))}
            </Rows>
          )
        }
      </Answered>
    </Part>
  )
}

function One({ of }: { of: Told<'session.list'>[number] }) {
  const end = useAct('session.end', changes)
  return (
    <Row
      acts={
        of.isMine ? undefined : (
          <Sure
            verb="End"
            what={`the session since ${of.begunAt}`}
            says="That browser is logged out."
            busy={end.isPending}
            act={() => end.mutate({ session: of.id })}
          />
        )
      }
    >
      <Group gap="xs">
        <Text fw={600}>
          Since <When at={of.begunAt} />
        </Text>
        {of.isMine && (
          <Badge variant="light" tt="none">
            this browser
          </Badge>
        )}
      </Group>
      <Text size="sm" c="dimmed">
        Ends <When at={of.expiresAt} />, later when it is used
      </Text>
      {end.error && <Trouble fault={end.error} />}
    </Row>
  )
}
