/**
 * What people get wrong, and what machines do to them: each ends in a sentence that says what to do,
 * with the exit code of its kind, and the site is as it was.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type FaultKind, faultKinds } from '../../protocol/fault.ts'
import {
  acceptedPair,
  ana,
  eventually,
  isEnded,
  openSite,
  type Pair,
  type Ran,
  run,
  type Site,
  top,
  until,
  within,
} from '../site.ts'
import { writeLarge } from '../trees.ts'

/** How long Kyoto may be silent, instead of a minute. */
const silenceMs = 4000

/** `long`: also those that take ten seconds and more. */
export function badInputStories(o: { long: boolean }): void {
  let pair: Pair
  let oslo: Site
  let kyoto: Site
  let folder: string
  let listed: unknown

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'crossload-bad-input-'))
    pair = await acceptedPair()
    ;({ oslo, kyoto } = pair)
    await oslo.kill('SIGTERM')
    const config = join(oslo.home, 'config.json')
    const written = { ...JSON.parse(await readFile(config, 'utf8')), silenceMs }
    await writeFile(config, JSON.stringify(written))
    await oslo.start()
    listed = await seen()
  }, 60_000)

  afterAll(async () => {
    kyoto?.process.kill('SIGCONT')
    await pair?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const seen = async () => pair.atOslo.call('datasets.list', {})

  /** It ended with the code of this kind, and a sentence that names `about` and says what to do. */
  function expectRefusal(ran: Ran, kind: FaultKind, ...about: string[]): void {
    const said = ran.stderr.replace(/^\(node:.*\n.*\n/gm, '')
    expect([ran.code, said]).toEqual([
      faultKinds[kind].exit,
      expect.stringMatching(/^crossload: \S/),
    ])
    for (const one of about) expect(said).toContain(one)
    // One sentence for what happened, another for what to do; never a stack, never a reference to us.
    expect(said).toMatch(/[.!?)]\s+\S/)
    expect(said).not.toMatch(/ at .*\.ts:\d+|mistake in Crossload|undefined|\[object/)
    // A send has said by then what it would do.
    expect(ran.stdout).toMatch(/^(?:Will travel:\n[\s\S]*)?$/)
  }

  const asAna = (...args: string[]) => oslo.cli(args, { token: oslo.tokens.get(ana)! })

  describe('a path that cannot become a dataset', () => {
    const adding = (path: string, ...more: string[]) =>
      asAna('dataset', 'add', 'Bad', path, ...more)

    afterEach(async () => {
      expect(await seen()).toEqual(listed)
    })

    test('is not there, is a device, or is a link that leads round in a circle', async () => {
      const circle = join(folder, 'circle')
      await symlink(circle, circle)
      const [none, device, round] = await Promise.all([
        adding(join(folder, 'none')),
        adding('/dev/null'),
        adding(circle),
      ])
      expectRefusal(none, 'missing', join(folder, 'none'))
      expectRefusal(device, 'invalid', 'device')
      expectRefusal(round, 'invalid', circle)
    })

    test('holds pipes, sockets, links, and names that cannot travel: all are listed at once', async () => {
      const tree = join(folder, 'odd')
      await mkdir(join(tree, 'inside'), { recursive: true })
      await writeFile(join(tree, 'fine.txt'), 'fine')
      await writeFile(join(folder, 'secret.txt'), 'not yours')
      await run('mkfifo', [join(tree, 'a-pipe')])
      await symlink('../secret.txt', join(tree, 'a-link'))
      await symlink('fine.txt', join(tree, 'a-link-inside'))
      await writeFile(join(tree, 'inside', 'line\nbreak'), '')
      await writeFile(join(tree, 'inside', 'escape\u001b[2J'), '')
      await writeFile(Buffer.concat([Buffer.from(`${tree}/latin1-`), Uint8Array.of(0xe9)]), 'x')
      await using _socket = await listenAt(join(tree, 'a-socket'))
      const [refused, followed, alone] = await Promise.all([
        adding(tree),
        adding(tree, '--links', 'follow', '--in-place'),
        adding(join(tree, 'a-pipe')),
      ])
      for (const ran of [refused, followed]) {
        expectRefusal(ran, 'invalid', 'a-pipe: it is a pipe', 'a-socket: it is a socket')
        expect(ran.stderr).toContain('latin1-\\xe9: the name is not valid UTF-8')
        expect(ran.stderr).toMatch(/line\S+break: the name has control characters/)
        // Nothing that steers a terminal gets to one.
        expect(ran.stderr).not.toContain('\u001b')
      }
      expect(refused.stderr).toContain('a-link: it is a link; --links follow')
      expect(refused.stderr).toContain('a-link-inside: it is a link')
      expect(followed.stderr).toContain('a-link: it is a link that leaves the folder')
      expect(followed.stderr).not.toContain('a-link-inside')
      expectRefusal(alone, 'invalid', 'a pipe')
    })

    if (o.long)
      test('may not be read by the account of the site, a file or a folder', async (context) => {
        const tree = join(folder, 'private')
        await mkdir(join(tree, 'closed'), { recursive: true })
        await writeFile(join(tree, 'open.txt'), 'open')
        await writeFile(join(tree, 'closed.txt'), 'closed')
        await chmod(join(tree, 'closed.txt'), 0o000)
        await chmod(join(tree, 'closed'), 0o000)
        // The superuser may read everything, so the site gives up what makes it one.
        await using bare = await openSite('bare')
        const { process } = bare
        await bare.kill('SIGTERM')
        const main = join(top, 'node/main.ts')
        const serve = [process.spawnargs[0]!, main, 'serve', '--home', bare.home]
        const powerless = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', ...serve]
        await using started = await startOther(isSuperuser() ? powerless : serve)
        if (!started.isUp) context.skip('this account cannot give up its right to read everything')
        for (const path of [tree, join(tree, 'closed.txt'), join(tree, 'closed')]) {
          const ran = await bare.cli(['dataset', 'add', 'Private', path])
          expectRefusal(ran, 'denied', 'closed', 'may not be read')
        }
        expect(await bare.cli(['dataset', 'list', '--json'])).toMatchObject({ stdout: '[]\n' })
      }, 60_000)

    test('vanishes, or changes, while it is read', async () => {
      const tree = join(folder, 'moving')
      await mkdir(tree)
      // Enough to read that the first is still being read, and the last not reached, when that was told
      // of; all of it holes.
      for (let i = 0; i < 48; i++) {
        const path = join(tree, `file-${10 + i}.bin`)
        await writeFile(path, '')
        await truncate(path, (i === 0 ? 512 : 2) * mib)
      }
      let told: Promise<unknown> | undefined
      const added = pair.atOslo.call(
        'datasets.add',
        { name: 'Moving', path: tree, inPlace: true },
        {
          onProgress: ({ bytes }) => {
            if (bytes === 0) return
            told ??= Promise.all([
              rm(join(tree, 'file-56.bin')),
              appendFile(join(tree, 'file-10.bin'), 'longer'),
            ])
          },
        },
      )
      const refusal = await added.then(
        () => undefined,
        (thrown) => thrown,
      )
      await told
      expect(refusal).toMatchObject({
        kind: 'conflict',
        list: [
          'file-10.bin: it changed while it was read',
          'file-56.bin: it vanished while it was read',
        ],
      })
      expect(refusal.message).toContain('try again')
      await rm(tree, { recursive: true })
    }, 60_000)

    test('is asked for from outside: a glob, a pointer, an input or a folder that climbs', async () => {
      const { atOslo } = pair
      const path = join(folder, 'small')
      await mkdir(path)
      await writeFile(join(path, 'a.txt'), 'a')
      const document = join(folder, 'climbing.json')
      const { id } = await atOslo.call('datasets.add', { name: 'Small', path })
      await writeFile(document, JSON.stringify({ on: `dataset:${id}/../../etc/passwd` }))
      listed = await seen()
      const add = ['workflow', 'add', 'Climbing', document, '--dataset', String(id)]
      const [ref, input, glob, out] = await Promise.all([
        asAna(...add),
        asAna(...add, '--input', 'in=../../etc/passwd'),
        asAna('send', 'dataset', String(id), '--to', `${ana}@kyoto`, '--files', '../*', '--yes'),
        asAna('dataset', 'export', String(id), path),
      ])
      expectRefusal(ref, 'invalid')
      expectRefusal(input, 'invalid')
      expectRefusal(glob, 'invalid', 'No file of the dataset matches')
      expectRefusal(out, 'exists', path)
      expect(await pair.atOslo.call('workflows.list', {})).toEqual([])
    })
  })

  describe('a file that is left in place and then', () => {
    const changes: [string, FaultKind, (path: string) => Promise<void>][] = [
      ['is written to', 'conflict', (path) => writeFile(path, 'something else')],
      ['is truncated', 'conflict', (path) => truncate(path, mib)],
      ['is removed', 'conflict', (path) => rm(path)],
      [
        'becomes a link',
        'conflict',
        async (path) => rm(path).then(() => symlink('/etc/hosts', path)),
      ],
      // Not even a clock that is set back hides it: every block is hashed again as it is read.
      ['changes without a trace', 'conflict', spoil],
    ]

    test.each(changes)(
      '%s: refused with its path, and nothing is imported',
      async (what, kind, change) => {
        const { atOslo, atKyoto, to } = pair
        const path = join(folder, `place ${what}`)
        await mkdir(join(path, 'inside'), { recursive: true })
        await writeFile(join(path, 'a.txt'), 'fine')
        await writeLarge(join(path, 'inside/data.bin'), 3 * mib, 9)
        const { id } = await atOslo.call('datasets.add', { name: what, path, inPlace: true })
        await change(join(path, 'inside/data.bin'))
        const before = await atKyoto.call('datasets.list', {})
        const sent = await atOslo.call('transfers.send', { to, dataset: { id }, dest: 0 })
        for (const client of [atOslo, atKyoto]) {
          const ended = await until(client, sent.id, isEnded)
          expect([ended.state, ended.fault?.kind]).toEqual(['failed', kind])
          expect(ended.fault?.text).toContain('inside/data.bin')
          // Where it lies at Oslo is Oslo's business.
          expect(JSON.stringify(ended.fault)).not.toContain(folder)
        }
        expect(await atKyoto.call('datasets.list', {})).toEqual(before)
        listed = await seen()
      },
    )
  })

  describe('an invitation that', () => {
    const asAdmin = (site: Site, ...args: string[]) => site.cli(args)

    test('is mangled, our own, or none at all', async () => {
      const { invitation } = await oslo.admin.call('links.invite', {})
      const cut = invitation.slice(0, -7)
      const letter = invitation.at(40) === 'a' ? 'b' : 'a'
      const wrong = invitation.slice(0, 40) + letter + invitation.slice(41)
      const dotted = `${invitation.slice(0, 40)}.${invitation.slice(40)}`
      const [short, mangled, named, own, none, nobody] = await Promise.all([
        asAdmin(kyoto, 'link', cut),
        asAdmin(kyoto, 'link', wrong),
        asAdmin(kyoto, 'link', dotted),
        asAdmin(oslo, 'link', invitation),
        asAdmin(kyoto, 'link', 'oslo'),
        asAdmin(kyoto, 'link', 'oslo.example'),
      ])
      expectRefusal(short, 'invalid', 'Copy it again')
      expectRefusal(mangled, 'invalid', 'Copy it again')
      expectRefusal(named, 'invalid', 'Copy it again')
      expectRefusal(own, 'invalid', 'this very site')
      expectRefusal(none, 'invalid')
      // A name is looked up; where nobody answers it was a good question with no answer.
      expectRefusal(nobody, 'unreachable', 'oslo.example', 'invitation')
    })

    if (o.long)
      test('has expired, or was used by another site, or by two at once; and a link that is refused', async () => {
        await using bergen = await openSite('bergen')
        const { invitation: brief, expiresAt } = await oslo.admin.call('links.invite', {
          expiresMs: 1000,
        })
        const { invitation } = await oslo.admin.call('links.invite', {})
        const [first, second] = await Promise.all([
          asAdmin(bergen, 'link', invitation, '--alias', 'oslo'),
          asAdmin(kyoto, 'link', invitation, '--alias', 'oslo'),
        ])
        const [won, lost] = first.code === 0 ? [first, second] : [second, first]
        expect(won.code).toBe(0)
        expectRefusal(lost, 'gone', 'used already', 'new one')
        const used = await asAdmin(first.code === 0 ? kyoto : bergen, 'link', invitation)
        expectRefusal(used, 'gone', 'used already')
        await eventually(async () => Date.now() > Date.parse(expiresAt), 'the invitation expires')
        expectRefusal(await asAdmin(bergen, 'link', brief), 'gone', 'expired', 'new one')

        const linked = async () =>
          (await oslo.admin.call('links.list', {})).find(({ name }) => name === 'Bergen')
        if ((await linked()) === undefined) {
          const { invitation: other } = await oslo.admin.call('links.invite', {})
          expect((await asAdmin(bergen, 'link', other)).code).toBe(0)
        }
        const id = String((await linked())!.id)
        expect((await asAdmin(oslo, 'links', 'refuse', id)).code).toBe(0)
        const [address] = (await oslo.admin.call('site.show', {})).addresses as [string]
        const refused = await eventually(async () => {
          const ran = await asAdmin(bergen, 'link', address)
          return ran.code === faultKinds.denied.exit && ran
        }, 'a refused site hears so')
        expectRefusal(refused, 'denied', 'refused', 'administrator')
        for (const [verb, state] of [
          ['accept', 'accepted'],
          ['remove', undefined],
        ] as const) {
          const act = () => asAdmin(oslo, 'links', verb, id)
          const ended = (await Promise.all([act(), act()])).toSorted((a, b) => a.code - b.code)
          expect(ended[0]!.code).toBe(0)
          if (ended[1]!.code !== 0) expectRefusal(ended[1]!, 'missing')
          expect((await linked())?.state).toBe(state)
        }
      }, 90_000)
  })

  describe('a person', () => {
    test('nobody knows, at a site that is known and at one that is not', async () => {
      const [person, site, shape, unconnected] = await Promise.all([
        asAna('connect', 'nobody@lab.example@kyoto'),
        asAna('connect', 'ana@lab.example@atlantis'),
        asAna('connect', 'kyoto'),
        asAna('send', 'dataset', '1', '--to', 'kenji@kyoto.example@kyoto', '--yes'),
      ])
      expectRefusal(person, 'missing', 'nobody@lab.example', 'Check it')
      expectRefusal(site, 'missing', 'atlantis')
      expectRefusal(shape, 'invalid', 'EMAIL@ALIAS')
      expectRefusal(unconnected, 'missing', 'kenji@kyoto.example')
    })
  })

  if (o.long)
    describe('a destination that stops answering', () => {
      test('is said to be unreachable, holds nobody else up, and goes on when it answers again', async () => {
        const { atOslo, atKyoto, to } = pair
        const path = join(folder, 'long')
        await mkdir(path)
        await writeLarge(join(path, 'long.bin'), 400 * mib, 21)
        const { id: dataset } = await atOslo.call('datasets.add', {
          name: 'Long',
          path,
          inPlace: true,
        })
        listed = await seen()
        const sent = await atOslo.call('transfers.send', { to, dataset: { id: dataset }, dest: 0 })
        await until(atOslo, sent.id, ({ bytes }) => bytes.sent > 16 * mib)
        kyoto.process.kill('SIGSTOP')
        const stoppedAt = performance.now()
        try {
          const late = until(
            atOslo,
            sent.id,
            ({ fault }) => fault?.kind === 'unreachable',
            6 * silenceMs + 20_000,
          )
          // Meanwhile Oslo answers everybody else.
          for (const args of [
            ['dataset', 'list'],
            ['transfers', 'show', sent.id],
            ['dataset', 'add', 'Quick', join(folder, 'small')],
          ]) {
            const begun = performance.now()
            const ran = await asAna(...args)
            expect([args, ran.code]).toEqual([args, 0])
            expect(performance.now() - begun).toBeLessThan(5000)
          }
          listed = await seen()
          const view = await late
          const took = performance.now() - stoppedAt
          console.log(
            `unreachable after ${Math.round(took)} ms of silence; ${silenceMs} ms are allowed`,
          )
          expect([view.state, view.fault?.text]).toEqual([
            'moving',
            expect.stringMatching(/tried again/),
          ])
          // What needs the other site's answer at once is refused, in a sentence and with its exit code.
          const small = ['send', 'dataset', '1', '--to', `${ana}@kyoto`]
          const [asked, dry, begun] = await Promise.all([
            asAna('connect', 'kenji@kyoto.example@kyoto'),
            asAna(...small, '--dry-run'),
            asAna(...small, '--yes', '--json'),
          ])
          expectRefusal(asked, 'unreachable', 'kyoto')
          expectRefusal(dry, 'unreachable')
          // A send is on its way all the same, and says what it waits for.
          expect(JSON.parse(begun.stdout)).toMatchObject({
            state: 'waiting',
            fault: { kind: 'unreachable' },
          })
          kyoto.process.kill('SIGCONT')
          for (const id of [sent.id, JSON.parse(begun.stdout).id as string])
            await until(atOslo, id, ({ state }) => state === 'done', 90_000)
        } finally {
          kyoto.process.kill('SIGCONT')
        }
        expect((await until(atKyoto, sent.id, isEnded)).state).toBe('done')
      }, 180_000)
    })

  describe('two at once', () => {
    /** How two commands end, the one that did it first. */
    const both = async (args: string[], other = args) =>
      (await Promise.all([asAna(...args), asAna(...other)])).toSorted((a, b) => a.code - b.code)

    test('update one dataset: each makes a version of its own', async () => {
      const paths = ['one', 'two'].map((name) => join(folder, `update-${name}`))
      for (const path of paths) {
        await mkdir(path)
        await writeFile(join(path, 'a.txt'), path)
      }
      const path = join(folder, 'small')
      const { id } = await pair.atOslo.call('datasets.add', { name: 'Updated', path })
      const update = (path: string) => ['dataset', 'update', String(id), path]
      const ended = await both(update(paths[0]!), update(paths[1]!))
      const done = ended.filter(({ code }) => code === 0).length
      for (const lost of ended.slice(done)) expectRefusal(lost, 'conflict')
      const versions = await pair.atOslo.call('datasets.versions', { id })
      expect(versions.map(({ version }) => version)).toEqual(
        Array.from({ length: done + 1 }, (_, i) => i + 1),
      )
      listed = await seen()
    })

    test('accept one ask, remove one connection, one dataset: it happens once', async () => {
      const { atOslo, atKyoto } = pair
      await oslo.as('bea@oslo.example')
      await kyoto.as('kenji@kyoto.example')
      await (await kyoto.as('kenji@kyoto.example')).call('connections.ask', {
        email: ana,
        alias: 'oslo',
      })
      const asked = (await atOslo.call('connections.list', {})).find(
        ({ state }) => state === 'asked',
      )!
      for (const verb of ['accept', 'remove']) {
        for (const ran of await both(['connections', verb, String(asked.id)])) {
          if (ran.code !== 0) expectRefusal(ran, ran.code === 4 ? 'missing' : 'conflict')
        }
        const now = (await atOslo.call('connections.list', {})).find(({ id }) => id === asked.id)
        expect(now?.state).toBe(verb === 'accept' ? 'accepted' : undefined)
      }
      const path = join(folder, 'update-one')
      const { id } = await atOslo.call('datasets.add', { name: 'Removed', path })
      const [removed, gone] = await both(['dataset', 'remove', String(id)])
      expect(removed!.code).toBe(0)
      if (gone!.code !== 0) expectRefusal(gone!, gone!.code === 4 ? 'missing' : 'gone')
      expect((await seen()).some((one) => one.id === id)).toBe(false)
      expect(
        (await atKyoto.call('connections.list', {})).some(({ state }) => state === 'accepted'),
      ).toBe(true)
    }, 60_000)

    test('add one person: one of them does', async () => {
      const add = ['people', 'add', 'twice@oslo.example']
      const [first, second] = (await Promise.all([oslo.cli(add), oslo.cli(add)])).toSorted(
        (a, b) => a.code - b.code,
      )
      expect(first!.code).toBe(0)
      expectRefusal(second!, 'exists', 'twice@oslo.example')
    })

    test('start one home: the second is told who has it, and the first goes on', async () => {
      const { startedAt } = await oslo.admin.call('site.show', {})
      const [second, again] = await Promise.all([
        oslo.cli(['serve', '--home', oslo.home]),
        oslo.cli(['init', '--home', oslo.home, '--name', 'Other']),
      ])
      expect(second.code).toBe(faultKinds.busy.exit)
      expect(second.stderr).toMatch(/home|running/i)
      expect(again.code).not.toBe(0)
      expect(again.stderr).not.toContain('mistake')
      expect((await oslo.admin.call('site.show', {})).startedAt).toBe(startedAt)
      expect((await oslo.admin.call('site.health', {})).state).not.toBe('safe')
    })

    if (o.long)
      test('want one port: the one that comes late is told which', async () => {
        const taken = createServer()
        taken.listen(0, '127.0.0.1')
        await once(taken, 'listening')
        const at = `127.0.0.1:${(taken.address() as { port: number }).port}`
        const late = [
          ['--http', at, '--listen', '127.0.0.1:0'],
          ['--http', '127.0.0.1:0', '--listen', at],
          ['--http', '127.0.0.1:0', '--listen', `ws://${at}`],
        ].map(async (flags, i) => {
          const home = join(folder, `late-${i}`)
          const made = await oslo.cli(['init', '--home', home, '--name', 'Late', ...flags])
          expect(made.code).toBe(0)
          return oslo.cli(['serve', '--home', home])
        })
        for (const ran of await Promise.all(late)) {
          expect([ran.code, ran.stderr]).toEqual([
            faultKinds.busy.exit,
            expect.stringContaining(at.replace('127.0.0.1:', '')),
          ])
          expect(ran.stderr).toContain('in use')
        }
        taken.close()
      }, 60_000)
  })
}

const mib = 1024 * 1024
const isSuperuser = () => globalThis.process.getuid?.() === 0

/** Bytes change; size, time and inode stay as they were. */
async function spoil(path: string): Promise<void> {
  const { atime, mtime } = await stat(path)
  const file = await open(path, 'r+')
  await file.write(Buffer.from('spoilt'), 0, 6, mib + 5)
  await file.close()
  await utimes(path, atime, mtime)
}

/** A site that is started in another way. */
async function startOther(command: string[]) {
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = once(child, 'exit').catch(() => [])
  const up = new Promise<boolean>((resolve) => {
    let text = ''
    child.on('error', () => resolve(false))
    child.on('exit', () => resolve(false))
    child.stdout.on('data', (data) => {
      text += data
      if (text.includes('API at')) resolve(true)
    })
  })
  return {
    isUp: await within(up, 30_000, 'the site did not come up'),
    async [Symbol.asyncDispose]() {
      if (!child.kill()) return
      await gone
    },
  }
}

async function listenAt(path: string): Promise<AsyncDisposable> {
  const server: Server = createServer()
  server.listen(path)
  await once(server, 'listening')
  return { [Symbol.asyncDispose]: async () => void server.close() }
}
