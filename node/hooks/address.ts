/**
 * Where a hook may lead. The site stands inside its institution's network, so an address that somebody
 * types must not make it ask what only the inside may: nothing but https to a public address, unless
 * the file of the site's configuration names the place (`hooks.allow`), which only who runs the machine
 * can write.
 */
import { BlockList, isIP } from 'node:net'
import { Fault } from '../../protocol/fault.ts'

export const urlCharactersMax = 2048

/** As it is written in the configuration: HOST:PORT. */
export type Allowed = readonly string[]

/** Networks that are nobody's public server: here, this link, private, shared, reserved, many at once. */
const special = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  special.addSubnet(net, bits, 'ipv4')
/** A cloud's inside under a public number: there it tells machines who they are. */
special.addAddress('168.63.129.16', 'ipv4')
/** Of what is global: ways through to IPv4 addresses, which would be checked by nobody, and examples. */
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  special.addSubnet(net, bits, 'ipv6')
const global6 = new BlockList()
global6.addSubnet('2000::', 3, 'ipv6')

/** Whether an address is one that everybody reaches. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !special.check(address, 'ipv4')
  if (family !== 6 || address.includes('%')) return false
  return global6.check(address, 'ipv6') && !special.check(address, 'ipv6')
}

export type Place = {
  readonly url: URL
  /** Without the brackets of an IPv6 address. */
  readonly host: string
  readonly port: number
  /** Named in the configuration: it may be private, and need not be encrypted. */
  readonly isAllowed: boolean
}

/** What a hook's address says, refused in words where it may not lead. Whom a name means is asked later. */
export function parsePlace(text: string, allowed: Allowed): Place {
  if (text.length > urlCharactersMax || !URL.canParse(text))
    throw refused(text, 'That is no address. Write it as https://HOST/PATH.')
  const url = new URL(text)
  const isPlain = url.protocol === 'http:'
  if (url.protocol !== 'https:' && !isPlain)
    throw refused(url.protocol, 'A webhook leads to an address that begins with https://.')
  if (url.username !== '' || url.password !== '')
    throw refused(
      url.host,
      'An address with a name or a password in it is kept for ever. Leave them out: each delivery is signed.',
    )
  if (url.hash !== '') throw refused(url.host, 'What stands behind # is never sent. Leave it out.')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port || (isPlain ? 80 : 443))
  const isAllowed = allowed.some((one) => one.toLowerCase() === `${url.hostname}:${port}`)
  if (isAllowed) return { url, host, port, isAllowed }
  if (isPlain)
    throw refused(
      url.host,
      `Only https:// is taken: what is sent there could be read on the way. For a place inside your own network, name "${url.hostname}:${port}" under hooks.allow in the site's config.json, and start the site again.`,
    )
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw inside(url.hostname, port)
  return { url, host, port, isAllowed }
}

/** Of what a name means now, what may be connected to. One address that may not be spoils the name. */
export function checkAddresses(place: Place, addresses: readonly string[]): readonly string[] {
  if (addresses.length === 0) {
    throw new Fault('unreachable', 'hooks.resolve', {
      about: place.host,
      text: `${place.host} has no address. Check the name.`,
    })
  }
  if (!place.isAllowed && !addresses.every(isPublicAddress))
    throw inside(place.url.hostname, place.port)
  return addresses
}

function inside(host: string, port: number): Fault {
  return refused(
    host,
    `${host} is inside a network, or this machine itself, and a webhook may not lead there. If it is to, name "${host}:${port}" under hooks.allow in the site's config.json, and start the site again.`,
  )
}

function refused(about: string, text: string): Fault {
  return new Fault('invalid', 'hooks.address', { about, text })
}
