import { expect, test } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import { checkAddresses, isPublicAddress, parsePlace } from './address.ts'

/** Where a hook may not lead, in every way of writing it that an address has. */
const refused = [
  // Another way of talking than https.
  'http://example.org/hook',
  'ftp://example.org/',
  'file:///etc/passwd',
  'gopher://127.0.0.1:25/_x',
  'javascript:alert(1)',
  'data:text/plain,x',
  'ws://example.org/',
  'unix:/var/run/docker.sock',
  // Not an address.
  '',
  'example.org',
  '//example.org/hook',
  'https://',
  'https:///127.0.0.1/hook',
  'https://exa mple.org/',
  'https://example.org:99999/',
  `https://example.org/${'a'.repeat(2048)}`,
  // A name or a password in it, or something that is never sent.
  'https://me@example.org/',
  'https://me:secret@example.org/',
  'https://example.org@127.0.0.1/',
  'https://example.org/#part',
  // This machine.
  'https://127.0.0.1/',
  'https://127.0.0.1:4680/api/people',
  'https://127.1/',
  'https://127.255.255.254/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0x7f.0.0.1/',
  'https://0177.0.0.1/',
  'https://017700000001/',
  'https://0/',
  'https://0.0.0.0/',
  'https://[::1]/',
  'https://[::]/',
  'https://[0:0:0:0:0:0:0:1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[::127.0.0.1]/',
  'https://１２７.0.0.1/',
  'https://127。0。0。1/',
  'https://%31%32%37.0.0.1/',
  // Inside a network.
  'https://10.0.0.1/',
  'https://172.16.0.1/',
  'https://172.31.255.255/',
  'https://192.168.1.1/',
  'https://100.64.0.1/',
  'https://[fc00::1]/',
  'https://[fd12:3456:789a::1]/',
  'https://[fec0::1]/',
  // This link, and where a cloud tells its machines who they are.
  'https://169.254.1.1/',
  'https://169.254.169.254/latest/meta-data/',
  'https://2852039166/',
  'https://0xa9fea9fe/',
  'https://[::ffff:169.254.169.254]/',
  'https://[fd00:ec2::254]/',
  'https://[fe80::1]/',
  'https://100.100.100.200/',
  'https://192.0.0.192/',
  'https://168.63.129.16/',
  // Many at once, nobody, examples, and ways through to IPv4.
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'https://240.0.0.1/',
  'https://192.0.2.1/',
  'https://198.51.100.7/',
  'https://203.0.113.9/',
  'https://198.18.0.1/',
  'https://192.88.99.1/',
  'https://[ff02::1]/',
  'https://[2001:db8::1]/',
  'https://[3fff::1]/',
  'https://[2002:7f00:1::]/',
  'https://[2001:0:7f00:1::]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[64:ff9b:1::a00:1]/',
  'https://[100::1]/',
]

test('there are enough ways to try', () => expect(refused.length).toBeGreaterThan(60))

test.each(refused)('%s is refused', (url) => {
  const attempt = () => parsePlace(url, [])
  expect(attempt).toThrow(Fault)
  expect(attempt).toThrow(/^(?!.*secret)/)
})

test.each([
  'https://example.org/',
  'https://example.org:8443/hook?a=b',
  'https://93.184.216.34/',
  'https://172.32.0.1/',
  'https://172.15.255.255/',
  'https://100.128.0.1/',
  'https://[2606:4700:4700::1111]/',
  'https://xn--bcher-kva.example/',
])('%s is taken', (url) => {
  expect(parsePlace(url, [])).toMatchObject({ isAllowed: false })
})

test('what the configuration names is taken as it is named, and nothing beside it', () => {
  const allowed = ['localhost:8080', '10.1.2.3:443', '[::1]:9000']
  for (const url of [
    'http://localhost:8080/hook',
    'https://localhost:8080/',
    'http://LOCALHOST:8080/',
    'https://10.1.2.3/',
    'http://[::1]:9000/',
  ])
    expect(parsePlace(url, allowed), url).toMatchObject({ isAllowed: true })
  for (const url of [
    'http://localhost:8081/',
    'http://localhost/',
    'https://10.1.2.4/',
    'http://10.1.2.3/',
    'http://[::1]/',
    'http://127.0.0.1:8080/',
    'http://me@localhost:8080/',
  ])
    expect(() => parsePlace(url, allowed), url).toThrow(Fault)
})

test('a name is what it means now, and one address inside spoils it', () => {
  const place = parsePlace('https://example.org/', [])
  const good = ['93.184.216.34', '2606:4700:4700::1111']
  expect(checkAddresses(place, good)).toEqual(good)
  expect(() => checkAddresses(place, [])).toThrow(/no address/)
  for (const bad of ['127.0.0.1', '169.254.169.254', '::1', '::ffff:10.0.0.1', 'fe80::1%eth0', 'x'])
    expect(() => checkAddresses(place, [...good, bad]), bad).toThrow(/inside a network/)
  const inside = parsePlace('http://hooks.lan:80/', ['hooks.lan:80'])
  expect(checkAddresses(inside, ['10.0.0.9'])).toEqual(['10.0.0.9'])
})

test('no text that is not an address is public', () => {
  for (const text of ['', 'localhost', '1.2.3', '1.2.3.4.5', '2606:4700::1%lo'])
    expect(isPublicAddress(text)).toBe(false)
})
