/**
 * Whether an address lies in the machine or its local network: loopback, private and link-local ones.
 * A name, or a way over another site, may lead anywhere, so it does not count.
 */
import { BlockList, isIP } from 'node:net'

const local = new BlockList()
for (const [net, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
] as const) {
  local.addSubnet(net, bits, 'ipv4')
}
local.addAddress('::1', 'ipv6')
local.addSubnet('fe80::', 10, 'ipv6')
local.addSubnet('fc00::', 7, 'ipv6')

/** The address as the network tells it, such as `/ip4/192.168.1.7/tcp/4001`. */
export function isLocalAddress(address: string): boolean {
  const [, ip] = /^\/ip[46]\/([^/]+)/.exec(address.replace(/^\/ip6zone\/[^/]+/, '')) ?? []
  if (ip === undefined || address.includes('/p2p-circuit')) return false
  const plain = ip.replace(/^::ffff:(?=\d+\.)/i, '')
  const version = isIP(plain)
  return version !== 0 && local.check(plain, version === 4 ? 'ipv4' : 'ipv6')
}
