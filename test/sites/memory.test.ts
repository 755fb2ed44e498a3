/** A tenth of it; three gigabytes are in test/faults. */
import { memoryStories } from '../faults/memory.ts'

memoryStories({ bytes: 300_000_000, endMs: 120_000 })
