/** One moment for either site; ten, and that when the file is whole, are in test/faults. */
import { killStories } from '../faults/kill.ts'

killStories({ moments: 1, whole: false })
