import { expect, it } from 'vitest'
import { isLocalAddress } from './local.ts'

it.each([
  '/ip4/127.0.0.1/tcp/4001',
  '/ip4/10.1.2.3/tcp/4001/ws',
  '/ip4/172.31.0.9/tcp/1',
  '/ip4/192.168.1.7/tcp/4001/p2p/12D3Kyoto',
  '/ip4/169.254.9.9/tcp/1',
  '/ip6/::1/tcp/1',
  '/ip6/fe80::1/tcp/1',
  '/ip6zone/eth0/ip6/fe80::1/tcp/1',
  '/ip6/fd12:3456::1/tcp/1',
  '/ip6/::ffff:192.168.1.7/tcp/1',
])('%s is local', (address) => expect(isLocalAddress(address)).toBe(true))

it.each([
  '/ip4/193.157.1.1/tcp/4001',
  '/ip4/172.32.0.1/tcp/1',
  '/ip4/11.0.0.1/tcp/1',
  '/ip6/2001:db8::1/tcp/1',
  '/ip6/::ffff:193.157.1.1/tcp/1',
  '/dns4/localhost/tcp/1',
  '/ip4/192.168.1.7/tcp/4001/p2p/12D3Relay/p2p-circuit',
  '/ip4/nonsense/tcp/1',
  '',
])('%s is not', (address) => expect(isLocalAddress(address)).toBe(false))
