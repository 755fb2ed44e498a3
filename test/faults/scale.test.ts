import { scaleStories } from './scale.ts'

const sizes = [100_000, 1_000_000]
scaleStories(
  [false, true].flatMap((inPlace) => sizes.map((files) => ({ files, inPlace }))),
  900_000,
)
