/** Every address that is not a row of the table. */
import type { Doorway, Lookout } from '../doorway.ts'
import { archive } from './archive.ts'
import { drs } from './drs.ts'
import { login } from './login.ts'
import { metrics } from './metrics.ts'
import { uploads } from './uploads.ts'
import { healthz, wellKnown } from './well-known.ts'

export const doorways: readonly Doorway[] = [
  ...wellKnown,
  ...login,
  ...metrics,
  ...archive,
  ...uploads,
  ...drs,
]

export const lookouts: readonly Lookout[] = [healthz]
