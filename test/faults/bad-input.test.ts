import { badInputStories } from './bad-input.ts'

badInputStories({ long: true })
