/**
 * Before any shape is made: the site's content policy forbids code made of text, and zod would try it
 * once and be reported for that.
 */
import { config } from 'zod'

config({ jitless: true })
