/** Every address that is not a row of the table. */
import type { Doorway, Lookout } from '../doorway.ts'
import { metrics } from './metrics.ts'
import { healthz, wellKnown } from './well-known.ts'

export const doorways: readonly Doorway[] = [...wellKnown, ...metrics]

export const lookouts: readonly Lookout[] = [healthz]
