import {
  ActionIcon,
  AppShell,
  Badge,
  Burger,
  Button,
  Group,
  Loader,
  NavLink,
  Stack,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
  VisuallyHidden,
} from '@mantine/core'
import { Suspense, useEffect, useState } from 'react'
import type { Told } from '../api/routes.ts'
import { visible } from '../api/words.ts'
import { go, leading } from './address.tsx'
import { useLive } from './live.ts'
import { Bell } from './notices/bell.tsx'
import { Icon } from './parts/icons.tsx'
import { Trouble } from './parts/trouble.tsx'
import { placeOf, rooms } from './places.tsx'
import { logOut } from './session.ts'
import { useWaiting, waitingIn } from './waiting.ts'

/** What every page stands in: where one is and where one may go, what waits there, and who one is. */
export function Shell({ site, address }: { site: Told<'site.show'>; address: string }) {
  // On a narrow screen the menu is open on one page only: going elsewhere closes it.
  const [openAt, setOpenAt] = useState<string>()
  const open = openAt === address
  const live = useLive()
  const waiting = useWaiting(site)
  useEffect(() => {
    if (address === '/login') go('/')
  }, [address])
  const isAdministrator = site.you.role === 'administrator'
  const { health } = site
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 220, breakpoint: 'sm', collapsed: { mobile: !open } }}
      padding="md"
      transitionDuration={0}
    >
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="xs" wrap="nowrap" miw={0}>
            <Burger
              opened={open}
              onClick={() => setOpenAt(open ? undefined : address)}
              hiddenFrom="sm"
              size="sm"
              aria-label={open ? 'Close the menu' : 'Open the menu'}
            />
            <Text fw={700} truncate>
              {visible(site.name)}
            </Text>
            <Text c="dimmed" size="sm" visibleFrom="xs">
              Crossload
            </Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <span role="status">
              {live === 'cut' && (
                <Badge color="orange" variant="light" tt="none">
                  Not live
                </Badge>
              )}
            </span>
            <Bell isHere={address === '/notices'} />
            <Shade />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Rooms">
        <Stack gap={2} flex={1}>
          {rooms
            .filter(({ administrators }) => !administrators || isAdministrator)
            .map(({ path, name }) => {
              const here = path === '/' ? address === '/' : address.startsWith(path)
              return (
                <NavLink
                  key={path}
                  label={name}
                  rightSection={<Count of={waitingIn(path, waiting)} />}
                  active={here}
                  {...(here && { 'aria-current': 'page' as const })}
                  {...leading(path)}
                />
              )
            })}
        </Stack>
        <Text size="sm" className="long" px="sm">
          {site.you.email}
        </Text>
        <Button
          variant="subtle"
          size="sm"
          justify="flex-start"
          px="sm"
          onClick={() => void logOut()}
        >
          Log out
        </Button>
      </AppShell.Navbar>
      <AppShell.Main id="main">
        <Stack maw={1000} mx="auto" gap="md">
          {health.state !== 'ok' && health.fault && <Trouble fault={health.fault} />}
          <Suspense fallback={<Loader />}>{placeOf(address, site)}</Suspense>
        </Stack>
      </AppShell.Main>
    </AppShell>
  )
}

/** How many things wait in a room; nothing where nothing does. */
function Count({ of }: { of: number }) {
  if (of === 0) return null
  return (
    <Badge color="orange" variant="light" size="sm" tt="none">
      {of}
      <VisuallyHidden> waiting</VisuallyHidden>
    </Badge>
  )
}

function Shade() {
  const { setColorScheme } = useMantineColorScheme()
  const now = useComputedColorScheme('light')
  const next = now === 'light' ? 'dark' : 'light'
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      aria-label={`Change to ${next}`}
      title={`Change to ${next}`}
      onClick={() => setColorScheme(next)}
    >
      <Icon name="moon" />
    </ActionIcon>
  )
}
