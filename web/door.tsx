import { lazy, Suspense, useEffect } from 'react'
import { Login } from './pages/login.tsx'
import { AskingWho } from './parts/page.tsx'
import { useAsk } from './site.ts'

const loading = () => import('./app.tsx')
const App = lazy(async () => ({ default: (await loading()).App }))

/** What is sent to whoever has no session: the login, without all that lies behind it. */
export function Door() {
  const me = useAsk('site.show', {})
  // While somebody types, the rest is fetched.
  useEffect(() => void loading(), [])
  if (me.data === undefined) return <Login />
  return (
    <Suspense fallback={<AskingWho />}>
      <App />
    </Suspense>
  )
}
