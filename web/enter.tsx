/** The login page, for whoever has none: it stands there already and may have been filled in. */
import { hydrateRoot } from 'react-dom/client'
import { Door } from './door.tsx'
import { Room } from './room.tsx'

hydrateRoot(
  document.getElementById('room')!,
  <Room>
    <Door />
  </Room>,
)
