import { cutStories } from '../faults/cutx.ts'
cutStories({ runs: 1 })
