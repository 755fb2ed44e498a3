import { killStories } from './kill.ts'

killStories({ moments: 10, whole: true })
