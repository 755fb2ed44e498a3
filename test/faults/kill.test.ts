import { killStories } from './kill.ts'

killStories({ moments: 10 })
