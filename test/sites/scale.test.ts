import { scaleStories } from '../faults/scale.ts'

scaleStories([{ files: 5_000, inPlace: true }], 60_000)
