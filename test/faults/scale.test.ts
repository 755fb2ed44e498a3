import { scaleStories } from './scale.ts'

scaleStories(
  [
    { files: 100_000, inPlace: false },
    { files: 1_000_000, inPlace: false },
    { files: 100_000, inPlace: true },
  ],
  900_000,
)
