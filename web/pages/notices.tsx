import { Anchor, Badge, Button, Group, Stack, Text, Title } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { leading, Way } from '../address.tsx'
import { More } from '../parts/more.tsx'
import { Answered, Empty, Page } from '../parts/page.tsx'
import { Line, Rows } from '../parts/rows.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { When } from '../parts/when.tsx'
import { useAct, usePages } from '../site.ts'

const limit = 50
type List = Told<'notices.list'>
type Notice = List['notices'][number]

const nextOf = ({ notices }: List) => (notices.length < limit ? undefined : notices.at(-1)!.id)

/** What happened that concerns me, a day under the other. */
export function Notices() {
  const asked = usePages('notices.list', { limit }, nextOf)
  const readAll = useAct('notices.read-all', ['notices.list'])
  const [first] = asked.data?.pages ?? []
  const newest = first?.notices[0]
  return (
    <Page
      title="Notices"
      aside={
        newest && (
          <Button
            variant="default"
            disabled={first?.unread === 0}
            loading={readAll.isPending}
            onClick={() => readAll.mutate({ through: newest.id })}
          >
            Mark all as read
          </Button>
        )
      }
    >
      {readAll.error && <Trouble fault={readAll.error} />}
      <Answered of={asked}>
        {({ pages }) => {
          const days = byDay(pages.flatMap(({ notices }) => notices))
          if (days.length === 0) {
            return (
              <Empty>
                Nothing has happened that concerns you. You will read here what arrives for you and
                what becomes of what you send; <Way to="/profile">your profile</Way> says what is
                also mailed to you.
              </Empty>
            )
          }
          return (
            <Stack>
              {days.map(([day, notices]) => (
                <section key={day} aria-label={day}>
                  <Title order={2} size="h5" mb={4}>
                    {day}
                  </Title>
                  <Rows label={`Notices of ${day}`}>
                    {notices.map((one) => (
                      <Entry key={one.id} of={one} />
                    ))}
                  </Rows>
                </section>
              ))}
              <Group>
                <More of={asked} what="Earlier notices" />
              </Group>
            </Stack>
          )
        }}
      </Answered>
    </Page>
  )
}

function Entry({ of: { id, title, text, path, at, read } }: { of: Notice }) {
  const mark = useAct('notices.read', ['notices.list'])
  const way = leading(path)
  return (
    <li>
      <Line
        acts={
          !read && (
            <Button
              size="xs"
              variant="subtle"
              loading={mark.isPending}
              aria-label={`Mark as read: ${title}`}
              onClick={() => mark.mutate({ id })}
            >
              Mark as read
            </Button>
          )
        }
      >
        <Group gap="xs" wrap="nowrap" align="baseline">
          <Anchor
            href={way.href}
            className="long"
            underline="always"
            inherit
            fw={read ? 400 : 600}
            onClick={(event) => {
              // Whoever goes there has read it.
              if (!read) mark.mutate({ id })
              way.onClick(event)
            }}
          >
            {title}
          </Anchor>
          {!read && (
            <Badge size="sm" variant="light" tt="none" flex="none">
              new
            </Badge>
          )}
        </Group>
        {text !== undefined && <Text size="sm">{text}</Text>}
        <Text size="sm" c="dimmed" className="figures">
          <When at={at} />
        </Text>
      </Line>
      {mark.error && <Trouble fault={mark.error} />}
    </li>
  )
}

const dayText = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' })

/** In the order they come, by the day on the reader's own calendar. */
function byDay(notices: readonly Notice[]): [string, Notice[]][] {
  const days = new Map<string, Notice[]>()
  for (const notice of notices) {
    const day = dayText.format(new Date(notice.at))
    days.set(day, [...(days.get(day) ?? []), notice])
  }
  return [...days]
}
