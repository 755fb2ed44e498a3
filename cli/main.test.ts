/** The command line whole, against a site that is a handful of prepared answers. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { toProblem } from '../api/problem.ts'
import { writeEvent } from '../api/sse.ts'
import { Fault } from '../protocol/fault.ts'
import { run } from './main.ts'
import type { World } from './world.ts'

type Asked = { line: string; body: unknown; token: string | undefined }
/** By `METHOD /path`: a value, a fault, or the events of a stream. */
type Answers = Record<string, unknown | Fault | { events: [string, unknown][] }>

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function openSite(answers: Answers) {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const line = `${request.method} ${request.url}`
    const token = request.headers.authorization?.slice('Bearer '.length)
    asked.push({ line, token, body: text === '' ? undefined : JSON.parse(text) })
    const answer = line in answers ? answers[line] : new Fault('missing', 'x.y', { text: line })
    if (answer instanceof Fault) {
      response.writeHead(404, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify(toProblem(answer)))
    } else if (typeof answer === 'object' && answer !== null && 'events' in answer) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const [event, data] of answer.events as [string, unknown][]) {
        response.write(writeEvent(event, data))
      }
      response.end()
    } else {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const home = await mkdtemp(join(tmpdir(), 'crossload-cli-'))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
    return rm(home, { recursive: true, force: true })
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await writeFile(join(home, 'run.json'), JSON.stringify({ pid: 1, url, startedAt: '' }))
  await writeFile(join(home, 'token'), 'crossload_home\n', { mode: 0o600 })
  return { asked, home, url, server }
}

/** Runs one command; what it wrote in the order it wrote it, apart and together. */
async function crossload(line: string | string[], more: Partial<World> = {}) {
  let out = ''
  let err = ''
  let both = ''
  const started: (readonly string[])[] = []
  const code = await run(typeof line === 'string' ? line.split(' ') : line, {
    env: {},
    cwd: '/somewhere',
    stdout: {
      write(text: string) {
        out += text
        both += text
      },
    },
    stderr: {
      write(text: string) {
        err += text
        both += text
      },
    },
    signal: new AbortController().signal,
    now: () => 0,
    runNode: async (args) => {
      started.push(args)
      return 0
    },
    ...more,
  })
  return { code, out, err, both, started }
}

const dataset = {
  id: 1,
  project: 1,
  name: 'Panel \u202e',
  meta: {},
  version: 1,
  inPlace: false,
  mine: true,
  changedAt: '2026-01-02T03:04:05.000Z',
  root: 'bafyrei',
  files: 2,
  bytes: 300,
  versions: [],
}

function transfer(state: string, more: object = {}) {
  const end = { site: '12D3', name: 'Kyoto', person: 'ana@lab.example', workflows: [] }
  return {
    id: 'a'.repeat(32),
    direction: 'out',
    state,
    source: { ...end, dataset: 1 },
    destination: { ...end, alias: 'kyoto', ...(state === 'done' ? { dataset: 7 } : {}) },
    dataset: 'Panel',
    workflows: [],
    bytes: { chosen: 300, held: 0, sent: 0, received: 0, dataset: 0 },
    files: { chosen: 2, held: 0, done: 0 },
    manifest: { nodes: 0, pages: 0 },
    bytesPerSecond: 0,
    receipts: [],
    will: [],
    willNot: [],
    createdAt: '2026-01-02T03:04:05.000Z',
    ...more,
  }
}

describe('which site, and as whom', () => {
  it('speaks to the home’s site with the home’s token, or with the person’s', async () => {
    const { home, asked, url } = await openSite({ 'GET /api/links': [] })
    await crossload(`links --json --home ${home}`)
    await crossload('links --json', { env: { CROSSLOAD_HOME: home } })
    await crossload(`--home ${home} links --json`, { env: { CROSSLOAD_TOKEN: 'crossload_ana' } })
    await crossload(`links --json --url ${url}/`, { env: { CROSSLOAD_TOKEN: 'crossload_ben' } })
    expect(asked.map(({ line, token }) => [line, token])).toEqual([
      ['GET /api/links', 'crossload_home'],
      ['GET /api/links', 'crossload_home'],
      ['GET /api/links', 'crossload_ana'],
      ['GET /api/links', 'crossload_ben'],
    ])
  })

  it('says what is missing, and what to do', async () => {
    const { home, url, server } = await openSite({})
    expect(await crossload('links')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--home DIR or CROSSLOAD_HOME'),
    })
    expect(await crossload(`links --url ${url}`)).toMatchObject({
      code: 3,
      err: expect.stringContaining('CROSSLOAD_TOKEN'),
    })
    expect(await crossload(`links --home ${home}/none`)).toMatchObject({
      code: 4,
      err: expect.stringContaining('crossload init'),
    })
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    const gone = await crossload(`links --home ${home}`)
    expect(gone.code).toBe(9)
    expect(gone.err).toContain(`Start it with crossload serve --home ${home}`)
    await rm(join(home, 'run.json'))
    expect(await crossload(`links --home ${home}`)).toMatchObject({
      code: 9,
      err: `crossload: The site at ${home} is not running. Start it with crossload serve --home ${home}\n`,
    })
  })
})

describe('what it prints', () => {
  it('answers scripts with one JSON value on stdout and nothing else', async () => {
    const { home } = await openSite({ 'GET /api/datasets/1': dataset })
    const { code, out, err } = await crossload(`dataset show 1 --json --home ${home}`)
    expect([code, err]).toEqual([0, ''])
    expect(JSON.parse(out)).toEqual(dataset)
    expect(out).toContain('\\u202e')
    expect(out.match(/\n/g)).toHaveLength(1)
  })

  it('answers people with text in which nothing is hidden', async () => {
    const { home } = await openSite({ 'GET /api/datasets/1': dataset })
    const { out } = await crossload(`dataset show 1 --home ${home}`)
    expect(out).toContain('Panel \\u{202e}')
    expect(out).not.toContain('\u202e')
  })

  it('puts pages together', async () => {
    const [a, b] = ['a', 'b'].map((path) => ({ path, size: 1, cid: 'bafkrei' }))
    const { home } = await openSite({
      'GET /api/datasets/1/files': { files: [a], next: 'a' },
      'GET /api/datasets/1/files?after=a': { files: [b] },
      'GET /api/datasets/2/files': { files: [] },
    })
    const { out } = await crossload(`dataset files 1 --json --home ${home}`)
    expect(JSON.parse(out)).toEqual([a, b])
    expect((await crossload(`dataset files 2 --json --home ${home}`)).out).toBe('[]\n')
  })

  it('tells a fault in words, with the first lines of its list, and ends with its code', async () => {
    const list = Array.from({ length: 12 }, (_, i) => `path ${i}\x1b[2J`)
    const { home } = await openSite({
      'GET /api/links': new Fault('conflict', 'x.y', { text: 'One thing.', list, side: 'there' }),
      'GET /api/connections': new Fault('full', 'x.y', { text: 'One thing. Do another.' }),
    })
    const { code, out, err } = await crossload(`links --json --home ${home}`)
    expect([code, out]).toEqual([6, ''])
    const lines = err.split('\n')
    expect(lines[0]).toBe('crossload: One thing. (said the other site)')
    expect(lines.slice(1, 11)).toEqual(
      list.slice(0, 10).map((l) => `  ${l.replace('\x1b', '\\u{1b}')}`),
    )
    expect(lines[11]).toBe('  … and 2 more')
    expect(lines[12]).toBe(
      'It does not fit what is there now. Look at the current state and decide.',
    )
    // A text that says what to do needs no second advice.
    expect(await crossload(`connections --home ${home}`)).toMatchObject({
      code: 11,
      err: 'crossload: One thing. Do another.\n',
    })
  })

  it('ends with 2 when it was asked for something that is not there', async () => {
    for (const line of [
      'nonsense',
      'dataset',
      'dataset show',
      'dataset nonsense',
      'links --nonsense',
    ]) {
      const { code, out, err } = await crossload(line)
      if (line !== 'dataset') expect(err).toContain('error:')
      expect([line, code, out]).toEqual([line, 2, ''])
    }
    const { code, out } = await crossload('--help')
    expect(code).toBe(0)
    expect(out).toContain('transfers')
  })
})

describe('send', () => {
  const answers = { 'GET /api/datasets/1': dataset }

  it('says what will and what will not travel before it sends', async () => {
    const { home, asked } = await openSite({
      ...answers,
      'POST /api/transfers': transfer('moving'),
    })
    const { code, out, err } = await crossload(
      `send dataset 1 --to ana@lab.example@kyoto --files *.fcs --files a/** --home ${home}`,
    )
    expect(code).toBe(0)
    expect(asked.at(-1)!.body).toEqual({
      to: { email: 'ana@lab.example', alias: 'kyoto' },
      dataset: { id: 1, files: ['*.fcs', 'a/**'] },
      dest: 0,
    })
    expect(out.split('\n').map((line) => line.trim())).toEqual([
      'Will travel:',
      '- dataset 1 "Panel \\u{202e}": of its 2 files those that match *.fcs or a/**',
      '- its name, metadata and modification times',
      '- as a new dataset there',
      'Will not travel:',
      '- collaborators',
      '- groups',
      '- connections',
      `Transfer ${'a'.repeat(32)} is moving.`,
      '',
    ])
    expect(err).toContain('crossload transfers follow')
  })

  it('asks a person, who may say no', async () => {
    const { home, asked } = await openSite({
      ...answers,
      'POST /api/transfers': transfer('moving'),
    })
    const line = `send dataset 1 --to ana@lab.example@kyoto --home ${home}`
    const no = await crossload(line, { ask: async () => false })
    expect([no.code, asked.map((one) => one.line)]).toEqual([7, ['GET /api/datasets/1']])
    expect((await crossload(line, { ask: async () => true })).code).toBe(0)
    const never = async () => {
      throw new Error('nobody should be asked')
    }
    expect((await crossload(`${line} --yes`, { ask: never })).code).toBe(0)
    expect((await crossload(`${line} --json`, { ask: never })).code).toBe(0)
  })

  it('follows to the end: a line a change for people, a value a line for scripts', async () => {
    const { home } = await openSite({
      ...answers,
      'POST /api/transfers': transfer('waiting'),
      [`GET /api/transfers/${'a'.repeat(32)}/events`]: {
        events: [
          ['value', transfer('waiting')],
          ['value', transfer('moving')],
          ['value', transfer('moving', { bytesPerSecond: 5 })],
          ['value', transfer('done', { endedAt: '2026-01-02T03:05:00.000Z' })],
          ['end', {}],
        ],
      },
    })
    const line = `send dataset 1 --to ana@lab.example@kyoto --follow --home ${home}`
    const { code, out, err } = await crossload(line)
    expect(code).toBe(0)
    expect(out).toContain('Arrived at ana@lab.example@kyoto (Kyoto): dataset 7')
    const told = err.split('\n').filter((l) => l.includes('·'))
    expect(told.map((l) => l.split(' ·')[0])).toEqual([
      'waiting for the destination',
      'moving',
      'done',
    ])
    // What stays home is made again by hand.
    expect(err).toContain('crossload project members ID --set EMAIL=member')
    const scripted = await crossload(`${line} --json`)
    const states = scripted.out
      .trimEnd()
      .split('\n')
      .map((l) => JSON.parse(l).state)
    expect(states).toEqual(['waiting', 'moving', 'moving', 'done'])
    expect(scripted.err).toBe('')
  })

  it('ends with the code of the fault that it ended with', async () => {
    const fault = { kind: 'missing', op: 'import.target', text: 'There is no dataset 99.' }
    const refused = transfer('refused', { fault, endedAt: '2026-01-02T03:05:00.000Z' })
    const { home } = await openSite({ ...answers, 'POST /api/transfers': refused })
    const line = `send dataset 1 --dest 99 --to ana@lab.example@kyoto --home ${home}`
    const { code, err } = await crossload(line)
    expect(code).toBe(4)
    expect(err).toContain('There is no dataset 99. (said the other site)')
    const scripted = await crossload(`${line} --json`)
    expect([scripted.code, JSON.parse(scripted.out).state]).toEqual([4, 'refused'])
  })

  it('of a workflow wants to know where, and proposes where its dataset went', async () => {
    const workflow = { id: 5, name: 'Gating', files: 3, dataset: 1 }
    const { home, asked } = await openSite({
      'GET /api/workflows/5': workflow,
      'GET /api/transfers?limit=1000': [transfer('done')],
      'POST /api/transfers': transfer('moving'),
    })
    const line = `send workflow 5 --to ana@lab.example@kyoto --home ${home}`
    const { code, err } = await crossload(line)
    expect([code, err]).toEqual([2, expect.stringContaining('arrived there as 7: --dest 7')])
    expect((await crossload(`${line} --dest 7`)).code).toBe(0)
    expect(asked.at(-1)!.body).toMatchObject({ workflows: [5], dest: 7 })
  })

  it('counts without sending', async () => {
    const { home, asked } = await openSite({
      ...answers,
      'POST /api/transfers/dry-run': {
        events: [
          [
            'result',
            {
              files: 2,
              bytes: 300,
              held: { files: 1, bytes: 100 },
              binding: [],
              flagged: [],
              will: [],
              willNot: [],
            },
          ],
        ],
      },
    })
    const line = `send dataset 1 --to 3 --dry-run --home ${home}`
    const { code, out } = await crossload(line)
    expect([code, asked.at(-1)!.body]).toEqual([0, { to: 3, dataset: { id: 1 }, dest: 0 }])
    expect(out).toContain('To move: 1 files, 200 bytes')
  })
})

describe('the rest', () => {
  it('starts a site as a process of its own, with every word passed on', async () => {
    const line = ['init', '--home', 'h', '--name', 'Oslo Cytometry', '--admin', 'A@B.example']
    const { code, started } = await crossload([...line, '--listen', 'a:1', '--listen', 'b:2'])
    expect(code).toBe(0)
    expect(started).toEqual([
      [
        'init',
        ...['--home', '/somewhere/h', '--name', 'Oslo Cytometry', '--admin', 'a@b.example'],
        ...['--listen', 'a:1', '--listen', 'b:2'],
      ],
    ])
    const served = await crossload('serve --home /x', { runNode: async () => 8 })
    expect(served.code).toBe(8)
  })

  it('reads paths where the person stands', async () => {
    const { home, asked } = await openSite({
      'POST /api/datasets': { events: [['result', { ...dataset, flagged: ['con.txt\x07'] }]] },
    })
    const { code, err } = await crossload(
      `dataset add Panel data/x --in-place --meta a=b --links follow --home ${home}`,
    )
    expect(code).toBe(0)
    expect(asked.at(-1)!.body).toEqual({
      name: 'Panel',
      path: '/somewhere/data/x',
      inPlace: true,
      meta: { a: 'b' },
      links: 'follow',
    })
    expect(err).toContain('con.txt\\u{7}')
  })

  it('ends with `corrupt` when something does not verify, and lists it', async () => {
    const { home } = await openSite({
      'POST /api/datasets/1/verify': {
        events: [['result', { files: 3, bytes: 9, bad: ['a/b'], version: 1 }]],
      },
    })
    const { code, out, err } = await crossload(`dataset verify 1 --json --home ${home}`)
    expect([code, JSON.parse(out).bad]).toEqual([10, ['a/b']])
    expect(err).toContain('  a/b\n')
  })

  it('stops when told to', async () => {
    const { home } = await openSite({ 'GET /api/links': [] })
    const stop = new AbortController()
    stop.abort('SIGINT')
    const { code, err } = await crossload(`links --home ${home}`, { signal: stop.signal })
    expect([code, err]).toEqual([130, 'crossload: stopped.\n'])
  })
})

describe('limits', () => {
  const limit = {
    of: 'site',
    out: 10_000_000,
    in: null,
    windows: [{ days: ['mon', 'tue'], from: '20:00', to: '06:00', out: null }],
    zone: 'Europe/Oslo',
    localExempt: true,
    now: { out: { rate: null, window: 0, until: '2026-01-02T05:00:00.000Z' }, in: { rate: null } },
  }

  it('are set of what they are for, with what was said and nothing else', async () => {
    const { home, asked } = await openSite({
      'PUT /api/limits': limit,
      'PUT /api/links/2/limits': { ...limit, of: 'link', link: 2, alias: 'kyoto' },
      [`PUT /api/transfers/${'a'.repeat(32)}/limits`]: { ...limit, of: 'transfer' },
      'GET /api/links': [
        { id: 2, alias: 'kyoto' },
        { id: 3, alias: '2' },
      ],
    })
    const set = ['limits', 'set', '--home', home]
    const night = ['--window', 'mon-tue 20:00-06:00 out=none', '--zone', 'Europe/Oslo']
    const whole = await crossload([...set, '--out', '10MB/s', '--local-exempt', ...night])
    expect(whole.out).toBe(
      'The site now: out no limit (window 1), in no limit, until 2026-01-02T05:00:00Z. Not in the local network.\n',
    )
    await crossload([...set, '--link', 'kyoto', '--in', 'none', '--no-windows'])
    await crossload([...set, '--transfer', 'a'.repeat(32), '--in', '100Mbit/s'])
    await crossload([...set, '--no-local-exempt'])
    // An alias is looked for first: here the link 3 is called 2.
    await crossload([...set, '--link', '2', '--in', 'none'])
    const sent = asked.filter(({ line }) => line.startsWith('PUT'))
    expect(sent.map(({ line, body }) => [line, body])).toEqual([
      [
        'PUT /api/limits',
        { out: 10_000_000, windows: limit.windows, zone: 'Europe/Oslo', localExempt: true },
      ],
      ['PUT /api/links/2/limits', { in: null, windows: [] }],
      [`PUT /api/transfers/${'a'.repeat(32)}/limits`, { in: 12_500_000 }],
      ['PUT /api/limits', { localExempt: false }],
      ['PUT /api/links/3/limits', { in: null }],
    ])
  })

  it('that make no sense are not asked for', async () => {
    const { home, asked } = await openSite({ 'GET /api/links': [] })
    for (const [args, words] of [
      [[], 'Say which limit'],
      [['--out', '10'], 'a number with its unit'],
      [['--link', 'kyoto', '--transfer', 'a'.repeat(32)], 'of a link or of a transfer'],
      [['--link', 'kyoto', '--local-exempt'], 'Only the limit of the site'],
    ] as const) {
      const { code, err } = await crossload(['limits', 'set', '--home', home, ...args])
      expect([code, err]).toEqual([2, expect.stringContaining(words)])
    }
    const { code } = await crossload(`limits set --link lima --out 1MB/s --home ${home}`)
    expect([code, asked.map(({ line }) => line)]).toEqual([4, ['GET /api/links']])
  })
})
