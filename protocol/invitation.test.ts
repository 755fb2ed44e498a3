import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Fault } from './fault.ts'
import { parseSiteId } from './ids.ts'
import { formatInvitation, parseInvitation } from './invitation.ts'

const site = parseSiteId(`12D3KooW${'A'.repeat(44)}`)
const invitation = {
  site,
  name: 'Oslo Cytometry',
  addresses: ['/ip4/127.0.0.1/tcp/4001', '/dns4/oslo.example/tcp/443/wss'],
  secret: new Uint8Array(16).fill(7),
  expiresAt: 1_900_000_000_000,
}

it('comes back as it was', async () => {
  const text = await formatInvitation(invitation)
  expect(text).toMatch(/^crossload1[a-z2-7]+$/)
  expect(await parseInvitation(text)).toEqual(invitation)
})

it('survives a mail: capitals, line breaks, quoting marks', async () => {
  const text = await formatInvitation(invitation)
  const mailed = `  ${text.toUpperCase().replaceAll(/(.{40})/g, '$1\r\n> ')}\n`
  expect(await parseInvitation(mailed)).toEqual(invitation)
})

it('is refused with words when a single character is missing, doubled or changed', async () => {
  const text = await formatInvitation(invitation)
  await fc.assert(
    fc.asyncProperty(
      fc.nat(text.length - 1),
      fc.constantFrom('cut', 'drop', 'double', 'change'),
      fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567'),
      async (at, how, letter) => {
        const head = text.slice(0, at)
        const mangled = {
          cut: head,
          drop: head + text.slice(at + 1),
          double: head + text[at] + text.slice(at),
          change: head + letter + text.slice(at + 1),
        }[how]!
        if (mangled === text) return
        await expect(parseInvitation(mangled)).rejects.toMatchObject({
          kind: 'invalid',
          op: 'invitation.parse',
        })
      },
    ),
  )
})

it.each([
  '',
  'crossload1',
  'crossload1aaaa',
  'crossload2aaaa',
  'x'.repeat(20_000),
  'crossload1!!!',
])('refuses %.20j', async (text) => {
  const thrown = await parseInvitation(text).catch((fault: unknown) => fault)
  expect(thrown).toBeInstanceOf(Fault)
  expect(thrown).toMatchObject({ kind: 'invalid' })
  expect((thrown as Fault).message).toContain('Copy it again')
})
