/** Nobody relies on what is being removed, and nothing is removed that somebody relies on. */
import { describe, expect, test } from 'vitest'
import type { FileCid, Root } from '../../protocol/ids.ts'
import { storeContract, testFile } from '../../test/contracts/store.ts'
import { createManualClock } from '../base/clock.ts'
import { createMemoryStore } from '../store/memory.ts'
import type { Store } from '../store/store.ts'
import { createGuard } from './guard.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** A store whose removals and whose last words of a file take as long as the test likes. */
function slowStore() {
  const store = createMemoryStore()
  const removing = Promise.withResolvers<void>()
  const ending = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const slow: Store = {
    ...store,
    damages: 0,
    async remove(cids) {
      begun.resolve()
      await removing.promise
      await store.remove(cids)
    },
    async stage() {
      const stage = await store.stage()
      return {
        ...stage,
        async writer() {
          const writer = await stage.writer()
          return {
            ...writer,
            async end() {
              begun.resolve()
              await ending.promise
              return writer.end()
            },
          }
        },
      }
    },
  }
  return { slow, store, removing, ending, begun }
}

const isSettled = (promise: Promise<unknown>) =>
  Promise.race([promise.then(() => true), new Promise((resolve) => setImmediate(resolve, false))])

storeContract('guarded', async () => createGuard(createMemoryStore(), createManualClock()).store)

describe('while something is being removed', () => {
  test('whoever asks for it waits and is told that it is gone; others do not wait', async () => {
    const { slow, store, removing, begun } = slowStore()
    const guard = createGuard(slow, createManualClock())
    const [going, staying] = [
      await store.putBlock(bytesOf('a')),
      await store.putBlock(bytesOf('b')),
    ]
    const removal = guard.begin({ arriving: false }).remove([going], () => false)
    await begun.promise
    const asked = guard.store.has(going)
    expect(await guard.store.has(staying)).toBe(true)
    expect(await isSettled(asked)).toBe(false)
    removing.resolve()
    expect(await removal).toEqual([going])
    expect(await asked).toBe(false)
  })

  test('whoever puts it waits, and then it is held', async () => {
    const { slow, store, removing, begun } = slowStore()
    const guard = createGuard(slow, createManualClock())
    const cid = await store.putBlock(bytesOf('a'))
    const removal = guard.begin({ arriving: false }).remove([cid], () => false)
    await begun.promise
    const put = guard.store.putBlock(bytesOf('a'))
    removing.resolve()
    await Promise.all([removal, put])
    expect(await store.has(cid)).toBe(true)
  })

  test('a file whose name is just being found is found first, and then kept', async () => {
    const { slow, store, removing, ending, begun } = slowStore()
    removing.resolve()
    const guard = createGuard(slow, createManualClock())
    // Held already, so the stage will not keep a second one.
    const first = await (await store.stage()).writer()
    await first.append(bytesOf('the file'))
    const { cid } = await first.end()
    const writer = await (await guard.store.stage()).writer()
    await writer.append(bytesOf('the file'))
    const end = writer.end()
    await begun.promise
    const removal = guard.begin({ arriving: false }).remove([cid as FileCid], () => false)
    expect(await isSettled(removal)).toBe(false)
    ending.resolve()
    await end
    expect(await removal).toEqual([])
  })

  test('what is kept, and what was touched since the sweep began, stays', async () => {
    const store = createMemoryStore()
    const guard = createGuard(store, createManualClock())
    const cids: Root[] = []
    for (const text of ['kept', 'touched', 'neither'])
      cids.push(await store.putBlock(bytesOf(text)))
    const [kept, touched, neither] = cids as [Root, Root, Root]
    const sweep = guard.begin({ arriving: false })
    await guard.store.hasMany([touched])
    expect(await sweep.remove(cids, (cid) => cid === kept)).toEqual([neither])
  })
})

test('nothing begins to arrive while parts of files are removed', async () => {
  const store = createMemoryStore()
  const swept = Promise.withResolvers<number>()
  const slow: Store = { ...store, damages: 0, sweepPartials: () => swept.promise }
  const guard = createGuard(slow, createManualClock())
  using sweep = guard.begin({ arriving: false })
  const removal = sweep.removePartials(() => false)
  const file = testFile(3_000_000)
  const put = guard.store.put(file.cid, file.size, file.digests)
  expect(await isSettled(put)).toBe(false)
  swept.resolve(2)
  expect(await removal).toBe(2)
  await (await put).close()
})

test('what was touched is forgotten with the last work that may have relied on it', async () => {
  const store = createMemoryStore()
  const guard = createGuard(store, createManualClock())
  const works = ['first', 'second'].map(() => Promise.withResolvers<void>())
  const running = works.map(({ promise }) => guard.during(() => promise))
  const cid = await guard.store.putBlock(bytesOf('a'))
  const isTouched = () => guard.begin({ arriving: false }).isTouched(cid)
  expect(isTouched()).toBe(true)
  works[0]!.resolve()
  await running[0]
  expect(isTouched()).toBe(true)
  // One that begins later did not see it.
  const later = Promise.withResolvers<void>()
  const third = guard.during(() => later.promise)
  works[1]!.resolve()
  await running[1]
  expect(isTouched()).toBe(false)
  later.resolve()
  await third
})

test('while a sweep is under way nobody can believe what they remember of whole trees', async () => {
  const store = createMemoryStore()
  const guard = createGuard(store, createManualClock())
  const before = guard.store.damages
  const sweep = guard.begin({ arriving: false })
  const during = [guard.store.damages, guard.store.damages]
  expect(new Set([before, ...during]).size).toBe(3)
  expect(during.every((count) => Number.isSafeInteger(count))).toBe(true)
  sweep[Symbol.dispose]()
  sweep[Symbol.dispose]()
  expect(guard.store.damages).toBe(before)
})
