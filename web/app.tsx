import { Stack } from '@mantine/core'
import './styles.ts'
import { useAddress } from './address.tsx'
import { Login } from './pages/login.tsx'
import { Welcome } from './pages/welcome.tsx'
import { AskingWho } from './parts/page.tsx'
import { Trouble } from './parts/trouble.tsx'
import { Shell } from './shell.tsx'
import { useAsk } from './site.ts'

/** Who asks decides what is shown: the door, or the rooms behind it. */
export function App() {
  const address = useAddress()
  const me = useAsk('site.show', {})
  if (address === '/welcome') return <Welcome />
  if (me.error?.kind === 'denied') return <Login />
  if (me.data !== undefined) return <Shell site={me.data} address={address} />
  if (me.error === null) return <AskingWho />
  return (
    <Stack p="md" component="main">
      <Trouble fault={me.error} again={() => void me.refetch()} />
    </Stack>
  )
}
