/**
 * The next step of a fault, as it is done in the console. A site's faults say what to do next as the command
 * line does it; here stands, for every command and option that they name, where the same is done in a browser.
 */

/** Where something is done: a sentence, and the page that it leads to. */
export type Step = { readonly says: string; readonly to: string }

const holds: Step = {
  says: 'Look at Administration, Storage, Holds',
  to: '/administration#storage',
}
const scrub: Step = {
  says: 'Administration, Storage tells the paths and who can send them again',
  to: '/administration#storage',
}
const connections = '/profile#connections'

/** By the command that a sentence names; the longest name that fits counts. */
const steps: Readonly<Record<string, Step>> = {
  'dataset files': { says: 'Look at its paths on its page, under Files', to: '/datasets' },
  links: { says: 'Look at the names of linked sites in your profile', to: connections },
  connect: { says: 'Ask for one in your profile, under External Connections', to: connections },
  notices: { says: 'Look at your notices', to: '/notices' },
  group: {
    says: 'Look at the groups under Members of a project, or in Administration, Groups',
    to: '/projects',
  },
  hooks: { says: 'Look at Administration, Webhooks', to: '/administration#hooks' },
  'people add': {
    says: 'An administrator adds people under Administration, People',
    to: '/administration#people',
  },
  'people logins': {
    says: 'An administrator ends it under Administration, People',
    to: '/administration#people',
  },
  'people token': { says: 'You make a token in your profile', to: '/profile' },
  'project add': { says: 'Make one under Projects', to: '/projects' },
  'transfers list': { says: 'Look at the transfer history', to: '/transfers' },
  'hold list': holds,
  scrub,
}

/** Options, as the console calls what does the same. */
const options: Readonly<Record<string, string>> = {
  '--links follow': '“Follow links”',
  '--dest ID': 'the Dest Dataset ID',
  '--with-files': '“Send WF & Files”',
  '--ref': '“Further places”',
  '--format opaque': 'the format “opaque”',
  '--format': 'the format',
  '--input': '“Inputs”',
  '--allow-unbound': '“Take it although it names other datasets”',
  '--allow': '“Bind although inputs changed or are missing there”',
  'the list command': 'its list',
}

const named = /\bcrossload ((?:[a-z]+)(?: [a-z]+)?)/

/** The command that a sentence names, as it stands in the table. */
export function commandIn(sentence: string): string | undefined {
  const words = named.exec(sentence)?.[1]
  if (words === undefined) return undefined
  return [words, words.split(' ')[0]!].find((one) => Object.hasOwn(steps, one))
}

/** A fault's text for somebody who sits in front of a browser: what happened, and where to go. */
export function inConsole(text: string): { text: string; steps: Step[] } {
  const found: Step[] = []
  const kept = text.split(/(?<=[.!?])\s+/).filter((sentence) => {
    const command = commandIn(sentence)
    if (command === undefined) return true
    found.push(steps[command]!)
    return false
  })
  return { text: inWords(kept.join(' ')), steps: found }
}

/** The same text with options as the console calls them. */
function inWords(text: string): string {
  return Object.entries(options).reduce(
    (said, [option, words]) => said.replaceAll(option, words),
    text,
  )
}
