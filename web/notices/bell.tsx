import { ActionIcon, Indicator } from '@mantine/core'
import { leading } from '../address.tsx'
import { Icon } from '../parts/icons.tsx'
import { useUnread } from './unread.ts'

/** More than this is much. */
const shownMax = 99

/** Leads to the notices; how many are unread stands on it and in its name. */
export function Bell({ isHere }: { isHere: boolean }) {
  const unread = useUnread() ?? 0
  const name = unread === 0 ? 'Notices, none unread' : `Notices, ${unread} unread`
  return (
    <Indicator
      label={unread > shownMax ? `${shownMax}+` : unread}
      disabled={unread === 0}
      size={16}
      offset={5}
      color="red.9"
      className="figures"
    >
      <ActionIcon
        component="a"
        variant="subtle"
        color="gray"
        aria-label={name}
        title={name}
        {...(isHere && { 'aria-current': 'page' as const })}
        {...leading('/notices')}
      >
        <Icon name="bell" />
      </ActionIcon>
    </Indicator>
  )
}
