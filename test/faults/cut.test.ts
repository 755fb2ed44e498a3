import { cutStories } from './cut.ts'

cutStories({ runs: 200 })
