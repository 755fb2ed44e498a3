/** Every case, in the order of the table. */
import type { Case } from './case.ts'
import { stream, tls } from './cases/carriers.ts'
import { cuts } from './cases/cuts.ts'
import { deposit } from './cases/deposit.ts'
import { inPlace } from './cases/in-place.ts'
import { iroh } from './cases/iroh.ts'
import { large } from './cases/large.ts'
import { listeners } from './cases/listeners.ts'
import { listsCase } from './cases/lists.ts'
import { longLine } from './cases/long-line.ts'
import { memory } from './cases/memory.ts'
import { million } from './cases/million.ts'
import { paint } from './cases/paint.ts'
import { resend } from './cases/resend.ts'
import { small } from './cases/small.ts'

export const cases: readonly Case[] = [
  large,
  iroh,
  stream,
  tls,
  small,
  deposit,
  resend,
  longLine,
  cuts,
  memory,
  million,
  inPlace,
  paint,
  listsCase,
  listeners,
]
