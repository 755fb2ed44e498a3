/** What people get wrong; what takes longer to go wrong is in test/faults. */
import { badInputStories } from '../faults/bad-input.ts'

badInputStories({ long: false })
