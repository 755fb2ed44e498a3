import { describe, expect, test } from 'vitest'
import { Fault } from '../../protocol/fault.ts'
import { faultOf } from '../../test/folder.ts'
import { createManualClock } from './clock.ts'
import { createBackoff, createGroup, createPool, createSerial, retry } from './work.ts'

/** Work that ends when it is told. */
function createTask() {
  let end = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  let begun = false
  const run = () => {
    begun = true
    return ended
  }
  return { run, end: () => end(), isBegun: () => begun }
}

const soon = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('a serial', () => {
  test('runs one at a time, in the order of asking', async () => {
    const serial = createSerial()
    const heard: number[] = []
    const first = createTask()
    const turns = [1, 2, 3].map((n) =>
      serial(async () => {
        if (n === 1) await first.run()
        heard.push(n)
      }),
    )
    await soon()
    expect(heard).toEqual([])
    first.end()
    await Promise.all(turns)
    expect(heard).toEqual([1, 2, 3])
  })

  test('a failure is the asker’s alone and does not stop the next', async () => {
    const serial = createSerial()
    const bad = serial(() => Promise.reject(new Error('bad')))
    const thrown = serial(() => {
      throw new Error('thrown')
    })
    const good = serial(async () => 'good')
    await expect(bad).rejects.toThrow('bad')
    await expect(thrown).rejects.toThrow('thrown')
    expect(await good).toBe('good')
  })
})

describe('a pool', () => {
  test('runs as many as its limit and no more', async () => {
    const pool = createPool({ limit: 2 })
    const tasks = [createTask(), createTask(), createTask()]
    const runs = tasks.map((task) => pool.run(task.run))
    expect(tasks.map((task) => task.isBegun())).toEqual([true, true, false])
    tasks[1]!.end()
    await runs[1]
    expect(tasks[2]!.isBegun()).toBe(true)
    for (const task of tasks) task.end()
    await Promise.all(runs)
  })

  test('an abort takes what waits out of the queue, and leaves what runs', async () => {
    const pool = createPool({ limit: 1 })
    const stop = new AbortController()
    const [running, waiting] = [createTask(), createTask()]
    const first = pool.run(running.run, { signal: stop.signal })
    const second = pool.run(waiting.run, { signal: stop.signal })
    stop.abort('enough')
    await expect(second).rejects.toBe('enough')
    running.end()
    await first
    await pool.drain()
    expect(waiting.isBegun()).toBe(false)
    await expect(pool.run(waiting.run, { signal: stop.signal })).rejects.toBe('enough')
  })

  test('drains when nothing runs and nothing waits', async () => {
    const pool = createPool({ limit: 1 })
    await pool.drain()
    const [one, two] = [createTask(), createTask()]
    const runs = [pool.run(one.run), pool.run(two.run)]
    let drained = false
    const drain = pool.drain().then(() => {
      drained = true
    })
    one.end()
    await runs[0]
    await soon()
    expect(drained).toBe(false)
    two.end()
    await drain
  })

  test('says busy when too many wait', async () => {
    const pool = createPool({ limit: 1, waitingMax: 1 })
    const task = createTask()
    const runs = [pool.run(task.run), pool.run(task.run)]
    expect(await faultOf(pool.run(task.run))).toMatchObject({ kind: 'busy' })
    task.end()
    await Promise.all(runs)
  })
})

describe('a group', () => {
  test('takes all that is asked in one tick, then all that came meanwhile', async () => {
    const rounds: number[][] = []
    const gate = createTask()
    const group = createGroup<number>({
      async round(items) {
        rounds.push([...items])
        if (rounds.length === 1) await gate.run()
      },
    })
    const first = [1, 2].map((n) => group.add(n))
    await soon()
    const second = [3, 4, 5].map((n) => group.add(n))
    gate.end()
    await Promise.all([...first, ...second])
    expect(rounds).toEqual([
      [1, 2],
      [3, 4, 5],
    ])
  })

  test('a failed round takes what waits with it; the next goes on', async () => {
    const heard: unknown[] = []
    const gate = createTask()
    let tries = 0
    const group = createGroup<number>({
      async round() {
        if (tries++ > 0) return
        await gate.run()
        throw new Error('bad')
      },
      failed: (thrown) => heard.push((thrown as Error).message),
    })
    const lost = [group.add(1)]
    await soon()
    lost.push(group.add(2))
    gate.end()
    for (const one of lost) await expect(one).rejects.toThrow('bad')
    expect(heard).toEqual(['bad'])
    await group.add(3)
    await group.drain()
    expect(tries).toBe(2)
  })

  test('drains with work of the last tick', async () => {
    let done = 0
    const group = createGroup<number>({
      async round(items) {
        await soon()
        done += items.length
      },
    })
    void group.add(1)
    await group.drain()
    expect(done).toBe(1)
  })
})

describe('trying again', () => {
  const clock = createManualClock()
  const unreachable = () => new Fault('unreachable', 'test.call')

  test('waits double each time, spread by half, up to the last', () => {
    const backoff = createBackoff({ clock, firstMs: 100, lastMs: 1000 })
    for (const whole of [100, 200, 400, 800, 1000, 1000]) {
      const ms = backoff.next()
      expect(ms).toBeGreaterThanOrEqual(whole / 2)
      expect(ms).toBeLessThanOrEqual(whole)
    }
    backoff.reset()
    expect(backoff.next()).toBeLessThanOrEqual(100)
  })

  test('goes on while the kind of fault says so', async () => {
    let tries = 0
    const run = retry(
      async () => {
        if (++tries < 4) throw unreachable()
        return 'there'
      },
      { clock, firstMs: 10, lastMs: 1000 },
    )
    await clock.advance(5000)
    expect(await run).toBe('there')
  })

  test('ends with what is not to be tried again, as it was thrown', async () => {
    let tries = 0
    const mistake = new TypeError('a mistake')
    const run = retry(
      async () => {
        tries++
        throw mistake
      },
      { clock, firstMs: 1, lastMs: 1 },
    )
    await expect(run).rejects.toBe(mistake)
    expect(tries).toBe(1)
  })

  test('ends after so many tries with the last failure', async () => {
    let tries = 0
    const run = faultOf(
      retry(
        async () => {
          tries++
          throw unreachable()
        },
        { clock, firstMs: 1, lastMs: 1, triesMax: 3 },
      ),
    )
    await clock.advance(100)
    expect(await run).toMatchObject({ kind: 'unreachable' })
    expect(tries).toBe(3)
  })

  test('an abort ends the wait at once, and a failure it caused is not tried again', async () => {
    const stop = new AbortController()
    const waiting = retry(() => Promise.reject(unreachable()), {
      clock,
      firstMs: 1e9,
      lastMs: 1e9,
      signal: stop.signal,
    })
    await soon()
    stop.abort('enough')
    await expect(waiting).rejects.toBe('enough')
  })
})
