import { scaleStories } from '../faults/scale.ts'

scaleStories(
  [
    { files: 20_000, inPlace: false },
    { files: 20_000, inPlace: true },
  ],
  60_000,
)
