import { expect, it } from 'vitest'
import { z } from 'zod'
import { type Channel, createCarrierPair, createChannel } from '../../protocol/channel.ts'
import { Fault } from '../../protocol/fault.ts'
import { parseSiteId } from '../../protocol/ids.ts'
import { call, callMs, type Open } from './call.ts'
import { createManualClock } from './clock.ts'

const near = parseSiteId(`12D3KooW${'A'.repeat(44)}`)
const far = parseSiteId(`12D3KooW${'B'.repeat(44)}`)
const caps = { headBytesMax: 1024, bodyBytesMax: 0 }
const shape = z.object({ n: z.number() })

function world(answer: (channel: Channel) => Promise<void>) {
  const clock = createManualClock()
  const ended: string[] = []
  const open: Open = async () => {
    const [left, right] = createCarrierPair(near, far)
    void answer(createChannel(right, caps)).catch((fault) => ended.push(fault.kind))
    return createChannel(left, caps)
  }
  const ask = (signal?: AbortSignal) =>
    call({
      clock,
      open,
      to: { address: '/x' },
      protocol: '/p',
      message: (site) => ({ site }),
      answer: shape,
      signal,
    })
  return { clock, ended, ask }
}

it('says to whom it got and hears the answer', async () => {
  const { ask } = world(async (channel) => {
    const { message } = await channel.receive(z.object({ site: z.string() }))
    await channel.send({ n: message.site.length })
    await channel.close()
  })
  expect(await ask()).toEqual({ site: far, answer: { n: far.length } })
})

it('throws the fault that was answered', async () => {
  const { ask } = world((channel) =>
    channel.refuse(new Fault('gone', 'test.answer', { text: 'Too late.' })),
  )
  await expect(ask()).rejects.toMatchObject({ kind: 'gone', side: 'there', message: 'Too late.' })
})

it('gives up in time and lets the other side know', async () => {
  const { clock, ended, ask } = world(async (channel) => {
    await channel.receive(z.object({ site: z.string() }))
    await channel.receive(z.unknown())
  })
  const asked = expect(ask()).rejects.toMatchObject({ kind: 'unreachable', side: 'there' })
  await clock.advance(callMs)
  await asked
  await clock.advance(0)
  expect(ended).toEqual(['unreachable'])
})

it('ends at once when it is aborted', async () => {
  const { clock, ask } = world((channel) =>
    channel.receive(z.object({ n: z.never() })).then(() => {}),
  )
  const controller = new AbortController()
  const reason = new Error('enough')
  const asked = expect(ask(controller.signal)).rejects.toBe(reason)
  await clock.advance(10)
  controller.abort(reason)
  await asked
})
