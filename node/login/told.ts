/** What a provider says of a person, read with care: it is another's word. */
import { Fault } from '../../protocol/fault.ts'
import type { InstitutionConfig, Told } from './institution.ts'

/** Groups that one person may be told to be in, and characters of one name; a longer one is no group's. */
const groupsMax = 10_000
const groupCharactersMax = 200
const nameCharactersMax = 200
/** OpenID Connect Core §8: at most 255 ASCII characters. */
const subCharactersMax = 255

type Claims = Readonly<Record<string, unknown>>

/** Of the ID token, and of the answer about the person where one was had. Faults in words. */
export function readTold(
  { name: institution, groupsClaim, trustEmail = false }: InstitutionConfig,
  { idToken, userInfo = {} }: { idToken: Claims; userInfo?: Claims | undefined },
): Told {
  const { iss, sub } = idToken
  if (typeof iss !== 'string' || typeof sub !== 'string' || sub.length > subCharactersMax)
    throw new Fault('conflict', 'login.told', { text: `${institution} did not say who you are.` })
  // An address is verified by whoever says it, in the same breath.
  const from = userInfo['email'] === undefined ? idToken : userInfo
  const email = typeof from['email'] === 'string' ? from['email'] : undefined
  const told = from['email_verified']
  // Some say it as text.
  const isSaid = told === true || told === 'true'
  return {
    issuer: iss,
    sub,
    email,
    isVerified: email !== undefined && (isSaid || (trustEmail && told === undefined)),
    name: nameOf({ ...idToken, ...userInfo }),
    groups:
      groupsClaim === undefined
        ? undefined
        : groupsOf({ ...idToken, ...userInfo }, groupsClaim, institution),
  }
}

function nameOf({ name }: Claims): string {
  if (typeof name !== 'string' || !name.isWellFormed()) return ''
  const plain = name.replaceAll(/\p{Cc}/gu, ' ').trim()
  return plain.length <= nameCharactersMax ? plain : ''
}

/** No such claim is no groups: some leave an empty list out. */
function groupsOf(claims: Claims, claim: string, institution: string): string[] {
  const names = claims['_claim_names']
  // With too many groups some tell an address instead, where one would have to ask as somebody else.
  if (typeof names === 'object' && names !== null && Object.hasOwn(names, claim)) {
    throw new Fault('conflict', 'login.groups', {
      text: `You are in more groups at ${institution} than it tells at once. Its administrators can let it tell only those that matter here.`,
    })
  }
  const told = Object.hasOwn(claims, claim) ? claims[claim] : []
  const list = typeof told === 'string' ? [told] : told
  if (Array.isArray(list) && list.length <= groupsMax)
    return list.filter((one) => typeof one === 'string' && one.length <= groupCharactersMax)
  throw new Fault('conflict', 'login.groups', {
    text: `${institution} tells your groups in a way that cannot be read. Ask an administrator to look at groupsClaim in config.json.`,
  })
}
