/** The console, for whoever has a session. */
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { Room } from './room.tsx'
import { knowWho } from './site.ts'

// That the site is asked is what the page says until there is an answer.
await knowWho()
createRoot(document.getElementById('room')!).render(
  <Room>
    <App />
  </Room>,
)
