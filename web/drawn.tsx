/**
 * What stands in a page when it is sent, as HTML. Only the build loads this (`vite.config.ts`), outside of
 * any browser.
 */
import type { ReactNode } from 'react'
import { renderToString } from 'react-dom/server'
import { Door } from './door.tsx'
import { AskingWho } from './parts/page.tsx'
import { Room } from './room.tsx'

const draw = (what: ReactNode) => renderToString(<Room>{what}</Room>)

/** By the program that goes on from it. */
export const drawn = { enter: draw(<Door />), main: draw(<AskingWho />) }
