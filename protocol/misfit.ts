/** What a schema found wrong, in the words of a person who has to mend it. */
import type { core } from 'zod'

const kinds: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

/** The rest of a sentence that begins with the name of the place: `is empty`, `has control characters`. */
export function misfit(issue: core.$ZodIssue | undefined): string {
  switch (issue?.code) {
    case 'invalid_type':
      if (issue.message.endsWith('received undefined')) return 'is missing'
      return `is not ${kinds[issue.expected] ?? issue.expected}`
    case 'too_small':
      if (issue.origin === 'string')
        return Number(issue.minimum) === 1 ? 'is empty' : 'is too short'
      return `is less than ${issue.minimum}`
    case 'too_big':
      if (issue.origin === 'string') return `is longer than ${issue.maximum} characters`
      return `is more than ${issue.maximum}`
    case 'unrecognized_keys':
      return `has more than was asked for: ${issue.keys.join(', ')}`
    case 'invalid_value':
      return `is not ${issue.values.map(String).join(' or ')}`
    case 'invalid_union': {
      // Of several forms, the one that came closer.
      const found = issue.errors.flat()
      return misfit(found.find(({ code }) => code !== 'invalid_type') ?? found[0])
    }
    default:
      return issue !== undefined && /^(?:is|has) /.test(issue.message)
        ? issue.message
        : 'does not fit'
  }
}
