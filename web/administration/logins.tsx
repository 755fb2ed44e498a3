import { Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { Answered, Empty } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { useAct, useAsk } from '../site.ts'

/** Where a person is known who logs in at an institution; asked for when it is opened. */
export function Logins({ email }: { email: Told<'people.list'>[number]['email'] }) {
  const [isOpen, setOpen] = useState(false)
  const asked = useAsk('people.logins', { email }, { enabled: isOpen })
  const end = useAct('people.remove-logins', ['people.logins'])
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <Text component="summary" size="sm">
        Logins elsewhere of {email}
      </Text>
      {isOpen && (
        <Stack gap="xs" mt="xs">
          <Answered of={asked}>
            {(all) =>
              all.length === 0 ? (
                <Empty>They have not logged in at an institution yet.</Empty>
              ) : (
                <>
                  <Rows label={`Logins elsewhere of ${email}`}>
                    {all.map(({ id, issuer, boundAt }) => (
                      <Row key={id}>
                        <Text size="sm">
                          {visible(issuer)}, since <When at={boundAt} />
                        </Text>
                      </Row>
                    ))}
                  </Rows>
                  <Sure
                    verb="End"
                    what={`the logins elsewhere of ${email}`}
                    says="The next login there may bind the account anew."
                    busy={end.isPending}
                    act={() => end.mutate({ email })}
                  />
                </>
              )
            }
          </Answered>
          {end.error && <Trouble fault={end.error} />}
        </Stack>
      )}
    </details>
  )
}
