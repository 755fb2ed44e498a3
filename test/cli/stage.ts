/** Where scripts are played: two real sites, a folder of things to send, and the command line in this process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../cli/main.ts'
import { openMailServer } from '../mail-server.ts'
import { openReceiver } from '../receiver.ts'
import { openSite, type Site, top } from '../site.ts'
import { fill, type Known, type Step, wordsOf } from './script.ts'

export type Seen = { code: number; out: string; err: string }

export interface Stage extends AsyncDisposable {
  readonly known: Known
  readonly sites: ReadonlyMap<string, Site>
  play(step: Pick<Step, 'at' | 'command'>): Promise<Seen>
}

/** How long one command may take, in milliseconds. */
const commandMs = 100_000

export async function openStage(): Promise<Stage> {
  await using stack = new AsyncDisposableStack()
  const work = await realpath(await mkdtemp(join(tmpdir(), 'crossload-cli-')))
  stack.defer(() => rm(work, { recursive: true, force: true }))
  await writeThings(work)
  const known: Known = new Map([
    ['work', work],
    ['nobodyAtoslo', 'crossload_nobody-made-this'],
  ])
  const sites = new Map<string, Site>()
  const receiver = stack.use(await openReceiver())
  known.set('receiver', receiver.place)
  const { port } = stack.use(await openMailServer())
  known.set('mailPort', String(port))
  const hooks = { allow: [receiver.place] }
  const mail = { host: '127.0.0.1', port, from: 'crossload@oslo.example' }
  for (const site of await Promise.all([
    openSite('oslo', { config: { hooks, mail } }),
    openSite('kyoto', { config: { hooks } }),
  ])) {
    stack.use(site)
    sites.set(site.alias, site)
    known.set(site.alias, site.home)
    known.set(`${site.alias}Http`, new URL(site.admin.url).host)
  }
  const rest = stack.move()
  return {
    known,
    sites,
    async play({ at, command }) {
      const [person, alias] = at.includes('@') ? at.split('@') : [undefined, at]
      const [program, ...args] = wordsOf(fill(command, known))
      if (program === 'write') {
        await writeFile(join(work, args[0]!), args[1]!)
        return { code: 0, out: '', err: '' }
      }
      if (program !== 'crossload') throw new Error(`no command of crossload: ${command}`)
      const seen: Seen = { code: 0, out: '', err: '' }
      const into = (way: 'out' | 'err') => (text: string) => {
        seen[way] += text
      }
      seen.code = await run(args, {
        env: {
          CROSSLOAD_HOME: sites.get(alias!)?.home,
          CROSSLOAD_TOKEN: person && known.get(`${person}At${alias}`),
        },
        cwd: work,
        stdout: { write: into('out') },
        stderr: { write: into('err') },
        signal: AbortSignal.timeout(commandMs),
        now: () => performance.now(),
        runNode: (nodeArgs) => runNode(nodeArgs, into('out'), into('err')),
      })
      return seen
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}

async function runNode(
  args: readonly string[],
  out: (text: string) => void,
  err: (text: string) => void,
): Promise<number> {
  const child = spawn(process.execPath, [join(top, 'node/main.ts'), ...args])
  child.stdout.setEncoding('utf8').on('data', out)
  child.stderr.setEncoding('utf8').on('data', err)
  const [code] = await once(child, 'close')
  return code
}

/** What the scripts add, update and analyse. */
async function writeThings(work: string): Promise<void> {
  const at = (path: string) => join(work, path)
  for (const folder of ['panel/notes', 'place', 'results', 'linked', 'full', 'deposits'])
    await mkdir(at(folder), { recursive: true })
  await writeFile(at('panel/tube 1.fcs'), 'FCS3.0 of the first tube\n')
  await writeFile(at('panel/notes/stained.txt'), 'stained on Monday\n')
  await writeFile(at('panel/tube?.txt'), 'a name that Windows cannot hold\n')
  await cp(at('panel'), at('panel-2'), { recursive: true })
  await writeFile(at('panel-2/tube 2.fcs'), 'FCS3.0 of the second tube\n')
  await writeFile(at('place/slide 1.txt'), 'scanned on Tuesday\n')
  await symlink('/etc/hostname', at('linked/away'))
  await writeFile(at('full/file.txt'), 'in a folder that is there\n')
  await writeFile(at('gating.json'), '{"dataset": 1, "source": "dataset:1/tube 1.fcs"}\n')
  await writeFile(at('gating-2.json'), '{"dataset": 1, "source": "dataset:1/tube 2.fcs"}\n')
  await writeFile(at('stranger.json'), '{"dataset": 1, "other": {"dataset": 77}}\n')
  await writeFile(at('results/percent.csv'), 'population,percent\nT cells,12.5\n')
  await cp(join(top, 'test/data/workflows/segmentation-and-counting.ga'), at('counting.ga'))
}
