/** Eight seeded runs; two hundred are in test/faults. */
import { cutStories } from '../faults/cut.ts'

cutStories({ runs: 8 })
