/** One moment for either site; ten are in test/faults. */
import { killStories } from '../faults/kill.ts'

killStories({ moments: 1 })
