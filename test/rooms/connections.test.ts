import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { call } from '../../node/base/call.ts'
import type { Connection } from '../../node/people/connection.ts'
import { waitingPerPersonMax } from '../../node/people/introduction.ts'
import type { User } from '../../node/people/users.ts'
import { connectionAnswer, connectionProtocol } from '../../protocol/connection.ts'
import { parseEmail } from '../../protocol/ids.ts'
import { administrator as by, linked, openTown, type Site, type Town } from './town.ts'

let town: Town
let oslo: Site
let kyoto: Site
/** The same person at both sites, and somebody else at Kyoto. */
let anaThere: User
let ana: User
let ken: User

const anaMail = parseEmail('ana@lab.example')
const kenMail = parseEmail('ken@lab.example')

beforeEach(async () => {
  town = await openTown()
  ;({ oslo, kyoto } = town)
  await linked(town, oslo, kyoto)
  ana = await oslo.users.add({ email: anaMail, name: 'Ana', by })
  anaThere = await kyoto.users.add({ email: anaMail, name: 'Ana in Kyoto', by })
  ken = await kyoto.users.add({ email: kenMail, by })
})
afterEach(() => town[Symbol.asyncDispose]())

const toAna = { email: anaMail, alias: 'oslo' }
const toKen = { email: kenMail, alias: 'kyoto' }
const atOslo = (): Connection | undefined => oslo.connections.list(ana)[0]
const atKyoto = (user: User): Connection | undefined => kyoto.connections.list(user)[0]
const told = () => atOslo()?.told !== false && atKyoto(ken)?.told !== false

async function acceptedWithKen(): Promise<void> {
  await kyoto.connections.ask(ken, toAna)
  await oslo.connections.accept(ana, atOslo()!.id)
  await town.until('ken knows', () => atKyoto(ken)?.at === 'accepted' && told())
}

describe('a connection', () => {
  it('is asked at one site, accepted at the other, and then stands at both', async () => {
    const asked = await kyoto.connections.ask(ken, toAna)
    expect(asked).toMatchObject({
      at: 'asked',
      asked: 'here',
      email: kenMail,
      theirs: anaMail,
      site: oslo.site,
    })
    expect(atOslo()).toMatchObject({
      at: 'asked',
      asked: 'there',
      email: anaMail,
      theirs: kenMail,
      name: kenMail,
    })
    expect(oslo.connections.between(ana, kenMail, kyoto.site)).toBeUndefined()
    expect(oslo.connections.byIncoming(kyoto.site, kenMail, anaMail)).toBeUndefined()
    await oslo.connections.accept(ana, atOslo()!.id)
    await town.until('ken knows', () => atKyoto(ken)?.at === 'accepted')
    expect(atKyoto(ken)?.name).toBe('Ana')
    // Either may send to the other: there is no direction.
    expect(oslo.connections.between(ana, kenMail, kyoto.site)?.user).toBe(ana.id)
    expect(oslo.connections.byIncoming(kyoto.site, kenMail, anaMail)?.user).toBe(ana.id)
    expect(kyoto.connections.between(ken, anaMail, oslo.site)?.user).toBe(ken.id)
    expect(kyoto.connections.byIncoming(oslo.site, anaMail, kenMail)?.user).toBe(ken.id)
  })

  it('of a person with the same address at both sites is like any other', async () => {
    await kyoto.connections.ask(anaThere, toAna)
    await oslo.connections.accept(ana, atOslo()!.id)
    await town.until('both accepted', () => atKyoto(anaThere)?.at === 'accepted')
    expect(oslo.connections.between(ana, anaMail, kyoto.site)?.name).toBe('Ana in Kyoto')
  })

  it('asked for from both ends is accepted', async () => {
    await Promise.all([kyoto.connections.ask(ken, toAna), oslo.connections.ask(ana, toKen)])
    await town.until(
      'both accepted',
      () => atOslo()?.at === 'accepted' && atKyoto(ken)?.at === 'accepted',
    )
    expect([oslo.connections.list(ana).length, kyoto.connections.list(ken).length]).toEqual([1, 1])
  })

  it('asked for twice is one ask', async () => {
    await kyoto.connections.ask(ken, toAna)
    const before = atOslo()
    expect((await kyoto.connections.ask(ken, toAna)).at).toBe('asked')
    expect(atOslo()).toBe(before)
    expect(kyoto.connections.list(ken)).toHaveLength(1)
  })

  it('whose answer was lost is asked for again, once in all', async () => {
    town.lose = () => 'answer'
    await expect(kyoto.connections.ask(ken, toAna)).rejects.toMatchObject({ kind: 'unreachable' })
    expect([atOslo()?.at, atKyoto(ken)]).toEqual(['asked', undefined])
    town.lose = () => undefined
    await kyoto.connections.ask(ken, toAna)
    expect(oslo.connections.list(ana)).toHaveLength(1)
    await oslo.connections.accept(ana, atOslo()!.id)
    await town.until('ken knows', () => atKyoto(ken)?.at === 'accepted')
  })

  it('is told after both have been started anew', async () => {
    await kyoto.connections.ask(ken, toAna)
    kyoto.up = false
    await oslo.connections.accept(ana, atOslo()!.id)
    await town.clock.advance(5000)
    await town.restart(oslo, { forget: true })
    await town.restart(kyoto)
    expect([atOslo()?.at, atOslo()?.told, atKyoto(ken)?.at]).toEqual(['accepted', false, 'asked'])
    kyoto.up = true
    await town.until('ken knows', () => atKyoto(ken)?.at === 'accepted' && told())
  })

  it.each(['here', 'there'] as const)(
    'removed %s is gone at both ends, and a new ask waits again',
    async (where) => {
      await acceptedWithKen()
      if (where === 'here') await oslo.connections.remove(ana, atOslo()!.id)
      else await kyoto.connections.remove(ken, atKyoto(ken)!.id)
      const gone = () =>
        oslo.connections.between(ana, kenMail, kyoto.site) === undefined &&
        kyoto.connections.between(ken, anaMail, oslo.site) === undefined
      await town.until('gone at both ends', gone)
      await town.until('all is told', told)
      await kyoto.connections.ask(ken, toAna)
      expect(gone()).toBe(true)
      await oslo.connections.accept(ana, atOslo()!.id)
      await town.until('accepted again', () => atKyoto(ken)?.at === 'accepted')
    },
  )

  it('is its own person’s to accept, to remove, and to see', async () => {
    await kyoto.connections.ask(ken, toAna)
    const other = await oslo.users.add({ email: parseEmail('eve@lab.example'), by })
    for (const act of ['accept', 'remove'] as const) {
      await expect(oslo.connections[act](other, atOslo()!.id)).rejects.toMatchObject({
        kind: 'missing',
      })
    }
    expect(oslo.connections.list(other)).toEqual([])
    await expect(kyoto.connections.accept(ken, atKyoto(ken)!.id)).resolves.toMatchObject({
      at: 'asked',
    })
  })

  it('that nobody asks for any more cannot be accepted', async () => {
    await kyoto.connections.ask(ken, toAna)
    await kyoto.connections.remove(ken, atKyoto(ken)!.id)
    await town.until('ana knows', () => atOslo()?.at === 'removed')
    await expect(oslo.connections.accept(ana, atOslo()!.id)).rejects.toMatchObject({
      kind: 'conflict',
    })
  })
})

describe('an ask is refused with words', () => {
  it('for somebody who is not there', async () => {
    const nobody = { email: parseEmail('nobody@lab.example'), alias: 'oslo' }
    await expect(kyoto.connections.ask(ken, nobody)).rejects.toMatchObject({
      kind: 'missing',
      side: 'there',
      message: expect.stringContaining('nobody@lab.example'),
    })
    expect(kyoto.connections.list(ken)).toEqual([])
  })

  it('for many who are not there, one after the other', async () => {
    const kinds: string[] = []
    for (let i = 0; i < 30; i++) {
      const nobody = { email: parseEmail(`nobody${i}@lab.example`), alias: 'oslo' }
      await kyoto.connections.ask(ken, nobody).catch((fault) => kinds.push(fault.kind))
    }
    expect(kinds.filter((kind) => kind === 'missing')).toHaveLength(20)
    expect(kinds.filter((kind) => kind === 'busy')).toHaveLength(10)
    // Who is there is still found.
    await kyoto.connections.ask(ken, toAna)
  })

  it('at a site that has no link, or one that is not accepted', async () => {
    const elsewhere = { email: anaMail, alias: 'lima' }
    await expect(kyoto.connections.ask(ken, elsewhere)).rejects.toMatchObject({
      kind: 'missing',
      side: 'here',
    })
    await kyoto.links.pause(kyoto.links.byAlias('oslo')!.id, { by })
    await expect(kyoto.connections.ask(ken, toAna)).rejects.toMatchObject({
      kind: 'denied',
      side: 'here',
    })
  })

  it('when too many wait already', async () => {
    for (let i = 0; i <= waitingPerPersonMax; i++) {
      await town.clock.advance(30_000)
      const asking = call({
        clock: town.clock,
        open: town.openAs(kyoto.site, oslo),
        to: { address: oslo.addresses[0]! },
        protocol: connectionProtocol,
        message: () => ({
          ...{ type: 'ask', from: `p${i}@lab.example`, to: anaMail, name: 'P' },
          stance: { is: 'willing', changedAt: 1 },
        }),
        answer: connectionAnswer,
      })
      if (i === waitingPerPersonMax) await expect(asking).rejects.toMatchObject({ kind: 'busy' })
      else await asking
    }
    expect(oslo.connections.list(ana)).toHaveLength(waitingPerPersonMax)
  })

  it('from a stranger it is not even read', async () => {
    const asking = call({
      clock: town.clock,
      open: town.openAs(town.lima.site, oslo),
      to: { address: oslo.addresses[0]! },
      protocol: connectionProtocol,
      message: () => ({
        ...{ type: 'ask', from: kenMail, to: anaMail, name: 'P' },
        stance: { is: 'willing', changedAt: 1 },
      }),
      answer: connectionAnswer,
    })
    await expect(asking).rejects.toMatchObject({ kind: 'unreachable' })
    expect(oslo.connections.list(ana)).toEqual([])
  })
})

describe('a connection ends', () => {
  beforeEach(acceptedWithKen)

  it('with its link, at both ends, and does not come back with it', async () => {
    await oslo.links.remove(oslo.links.byAlias('kyoto')!.id, { by })
    await town.until('gone at both ends', () => {
      return oslo.connections.list(ana).length === 0 && kyoto.connections.list(ken).length === 0
    })
    await linked(town, oslo, kyoto)
    await town.clock.advance(60_000)
    expect(oslo.connections.between(ana, kenMail, kyoto.site)).toBeUndefined()
    expect(kyoto.connections.between(ken, anaMail, oslo.site)).toBeUndefined()
    await kyoto.connections.ask(ken, toAna)
    expect(atOslo()?.at).toBe('asked')
  })

  it('with its link, even when the site was stopped between the two', async () => {
    const { id } = oslo.links.byAlias('kyoto')!
    await oslo.connections[Symbol.asyncDispose]()
    await oslo.links.remove(id, { by })
    expect(oslo.connections.list(ana)).toHaveLength(1)
    await town.restart(oslo)
    expect(oslo.connections.list(ana)).toEqual([])
  })

  it('not with a pause', async () => {
    const { id } = oslo.links.byAlias('kyoto')!
    await oslo.links.pause(id, { by })
    expect(oslo.connections.between(ana, kenMail, kyoto.site)?.at).toBe('accepted')
    await oslo.connections.remove(ana, atOslo()!.id)
    await town.clock.advance(60_000)
    expect(atKyoto(ken)?.at).toBe('accepted')
    // What could not be said while it was paused is said when it goes on.
    await oslo.links.resume(id, { by })
    await town.until('ken knows', () => atKyoto(ken)?.at === 'removed')
  })

  it('with its person, and is not the next one’s of that address', async () => {
    await kyoto.users.remove(ken.id, { by })
    await town.until('ana knows', () => atOslo()?.at === 'removed')
    const next = await kyoto.users.add({ email: kenMail, name: 'Ken', by })
    expect(kyoto.connections.list(next)).toEqual([])
    expect(kyoto.connections.byIncoming(oslo.site, anaMail, kenMail)).toBeUndefined()
    await kyoto.connections.ask(next, toAna)
    await oslo.connections.accept(ana, atOslo()!.id)
    await town.until('the next one knows', () => atKyoto(next)?.at === 'accepted')
    expect(kyoto.connections.byIncoming(oslo.site, anaMail, kenMail)?.user).toBe(next.id)
  })
})
