import { Checkbox, Group, NativeSelect, Stack, Text } from '@mantine/core'
import type { Asked, Told } from '../../api/routes.ts'
import { Answered, Part } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { queries, renew, useAct, useAsk } from '../site.ts'

type Preferences = Told<'notices.preferences'>
type Choice = Preferences['choices'][number]
type Change = (changes: Asked<'notices.prefer'>) => void

const queryKey = ['notices.preferences', {}]

const digests = [
  { value: 'each', label: 'Each at once' },
  { value: 'daily', label: 'All of a day in one mail' },
  { value: 'off', label: 'No mail' },
] as const

const hours = Array.from({ length: 24 }, (_, hour) => ({
  value: String(hour),
  label: `${String(hour).padStart(2, '0')}:00`,
}))

/** Of what the reader hears, and how; each change counts at once. */
export function NoticePreferences() {
  const asked = useAsk('notices.preferences', {})
  const prefer = useAct('notices.prefer', [])
  // A tick shows as it was set while the site is asked, and as it is when the site would not. Of several
  // in a row only the last answer is shown: the ones before know nothing of what came after them.
  const change: Change = (changes) => {
    void queries.cancelQueries({ queryKey }, { revert: false })
    queries.setQueryData<Preferences>(queryKey, (was) => was && changed(was, changes))
    prefer.mutate(changes, {
      onSuccess: (told) => queries.setQueryData(queryKey, told),
      onError: () => void renew('notices.preferences'),
    })
  }
  return (
    <Part title="Notices">
      <Answered of={asked}>
        {(data) => (
          <Stack gap="sm">
            <Mail of={data} change={change} />
            <Rows label="What you hear of">
              {data.choices.map((one) => (
                <Kind key={one.kind} of={one} hasMail={isMailed(data)} change={change} />
              ))}
            </Rows>
            {prefer.error && <Trouble fault={prefer.error} />}
            <Text size="sm" c="dimmed" role="status" mih={22}>
              {prefer.isSuccess && 'Saved.'}
            </Text>
          </Stack>
        )}
      </Answered>
    </Part>
  )
}

function changed(was: Preferences, { choices = [], ...rest }: Asked<'notices.prefer'>) {
  return {
    ...was,
    ...rest,
    choices: was.choices.map((one) => ({
      ...one,
      ...choices.find(({ kind }) => kind === one.kind),
    })),
  } as Preferences
}

const isMailed = ({ hasMail, digest }: Preferences) => hasMail && digest !== 'off'

function Mail({ of, change }: { of: Preferences; change: Change }) {
  const { digest, hour, zone, hasMail } = of
  if (!hasMail) {
    return (
      <Text size="sm">
        This site sends no mail; an administrator can set that up. What you choose here is shown
        under Notices.
      </Text>
    )
  }
  // Whoever names an hour means the clock that they see.
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone
  return (
    <Group gap="xs" align="flex-start">
      <NativeSelect
        label="Mail"
        flex="1 1 200px"
        value={digest}
        data={[...digests]}
        onChange={(event) =>
          change({ digest: event.currentTarget.value as typeof digest, zone: here })
        }
      />
      {digest === 'daily' && (
        <NativeSelect
          label={`At, on the clock of ${zone}`}
          flex="1 1 200px"
          value={String(hour)}
          data={hours}
          onChange={(event) => change({ hour: Number(event.currentTarget.value), zone: here })}
        />
      )}
    </Group>
  )
}

function Kind({ of, hasMail, change }: { of: Choice; hasMail: boolean; change: Change }) {
  const { kind, says, centre, mail, mailed } = of
  return (
    <Row
      acts={
        <>
          <Checkbox
            label="Show"
            aria-label={`Show: ${says}`}
            checked={centre}
            onChange={(event) =>
              change({ choices: [{ kind, centre: event.currentTarget.checked }] })
            }
          />
          <Checkbox
            label="Mail"
            aria-label={`Mail: ${says}`}
            checked={mail && hasMail}
            disabled={!hasMail || !mailed}
            onChange={(event) => change({ choices: [{ kind, mail: event.currentTarget.checked }] })}
          />
        </>
      }
    >
      <Text size="sm">{says}</Text>
    </Row>
  )
}
