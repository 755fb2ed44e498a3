import { memoryStories } from './memory.ts'

memoryStories({ bytes: 3_000_000_000, endMs: 900_000 })
