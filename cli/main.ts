/**
 * The command line: argv → command → exit code. A command speaks to a running site through the API
 * and knows nothing else of it.
 *
 * Its voice: the answer on stdout and nothing else there; messages on stderr. What fails says in one
 * sentence what happened and what to do next, and ends with the exit code of its kind (the table in
 * protocol/fault.ts). Names from afar are shown with every hidden character made visible.
 */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath } from 'node:url'
import { Command, CommanderError, Help } from 'commander'
import { visible } from '../api/words.ts'
import { asFault, Fault, faultKinds } from '../protocol/fault.ts'
import { addConnections } from './commands/connections.ts'
import { addDatasets } from './commands/datasets.ts'
import { addGroups } from './commands/groups.ts'
import { addHooks } from './commands/hooks.ts'
import { addInit } from './commands/init.ts'
import { addJournal } from './commands/journal.ts'
import { addLimits } from './commands/limits.ts'
import { addLinks } from './commands/links.ts'
import { addNotices } from './commands/notices.ts'
import { addPeople } from './commands/people.ts'
import { addProjects } from './commands/projects.ts'
import { addSend } from './commands/send.ts'
import { addServe } from './commands/serve.ts'
import { addSite } from './commands/site.ts'
import { addTransfers } from './commands/transfers.ts'
import { addUpkeep } from './commands/upkeep.ts'
import { addWorkflows } from './commands/workflows.ts'
import { createContext, type GlobalFlags } from './context.ts'
import { siteProcess } from './site-process.ts'
import type { World } from './world.ts'

/** Lines of a fault's list that are shown; the rest is counted. */
const listShownMax = 10
/** As shells count a command that was interrupted. */
const interruptedExit = 130

/** Why we stop when nobody reads us any more; `crossload … | head` is no failure. */
const pipeClosed = 'EPIPE'

/** Runs one command to its end and answers its exit code; never throws. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  let code = 0
  const open = (command: Command) => createContext(world, command.optsWithGlobals<GlobalFlags>())
  const end = (ended: number) => {
    code = ended
  }
  if (argv.length === 1 && argv[0] === '--version') {
    world.stdout.write(`crossload ${await versionOf()}\n`)
    return 0
  }
  const program = createProgram(world)
  addInit(program, open, end)
  addServe(program, open, end)
  for (const add of [
    addSite,
    addPeople,
    addGroups,
    addLinks,
    addConnections,
    addProjects,
    addDatasets,
    addWorkflows,
    addSend,
    addTransfers,
    addLimits,
    addJournal,
    addUpkeep,
    addHooks,
    addNotices,
  ]) {
    add(program, open)
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (thrown) {
    // Commander has already said it, in words.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : faultKinds.invalid.exit
    if (world.signal.reason === pipeClosed) return 0
    if (world.signal.aborted) {
      world.stderr.write('crossload: stopped.\n')
      return interruptedExit
    }
    return report(asFault(thrown, 'cli.run'), world)
  }
}

/** Not an option of the parser: there it would take `--version` from the commands that have their own. */
async function versionOf(): Promise<string> {
  const about = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(about) as { version: string }).version
}

function createProgram({ stdout, stderr }: World): Command {
  const program = new Command('crossload')
    .description('Moves datasets and workflows directly between the sites that hold them.')
    .option('--home <dir>', 'the site’s home (or CROSSLOAD_HOME)')
    .option('--url <url>', 'a site by its address, with CROSSLOAD_TOKEN (or CROSSLOAD_URL)')
    .option('--json', 'one JSON value on stdout and nothing else')
    .option('--wait <time>', 'how long to wait for the site to come up: 30s, 5m')
    .configureHelp({
      showGlobalOptions: true,
      optionDescription: (option) =>
        new Help().optionDescription(option).replace(' (default: [])', ''),
    })
    .showHelpAfterError('(crossload --help lists what there is)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(plainly(text)),
      getOutHelpWidth: () => stdout.columns ?? 80,
      getErrHelpWidth: () => stderr.columns ?? 80,
    })
  return program
}

/** A noun alone lists, so a verb that it does not have is taken for an argument of the list. */
function plainly(text: string): string {
  const found =
    /^error: too many arguments for '(?:list|verify)'\. .* got \d+: ([^,]+?)(?:,.*)?\.\n$/
  return text.replace(found, (_, verb) => `error: there is no command '${verb}' here\n`)
}

/** The sentence, the first lines of the list, the next step. Never a stack. */
function report(fault: Fault, { stderr }: World): number {
  const { sentence, exit } = faultKinds[fault.kind]
  const where = fault.side === 'there' ? ' (said the other site)' : ''
  stderr.write(`crossload: ${visible(fault.message)}${where}\n`)
  for (const line of fault.list.slice(0, listShownMax)) stderr.write(`  ${visible(line)}\n`)
  const more = fault.list.length - listShownMax
  if (more > 0) stderr.write(`  … and ${more} more\n`)
  // A text of more than one sentence says itself what to do next.
  if (fault.message !== sentence && !/[.!?] \S/.test(fault.message)) stderr.write(`${sentence}\n`)
  return exit
}

/** The real thing. Sets the exit code and lets the process end because nothing is left. */
export async function main(): Promise<void> {
  const stop = new AbortController()
  const onSignal = (name: NodeJS.Signals) => stop.abort(name)
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') stop.abort(pipeClosed)
    else throw error
  })
  const isAsked = process.stdin.isTTY === true && process.stderr.isTTY === true
  process.exitCode = await run(process.argv.slice(2), {
    env: process.env,
    cwd: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
    signal: stop.signal,
    now: () => performance.now(),
    runNode: (args) => runNode(args, stop.signal),
    ...(isAsked ? { ask: (question: string) => ask(question, stop.signal) } : {}),
  })
  process.off('SIGINT', onSignal)
  process.off('SIGTERM', onSignal)
}

async function ask(question: string, signal: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal })
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}

/** A site of its own process, told to stop when we are. */
function runNode(args: readonly string[], signal: AbortSignal): Promise<number> {
  // Beside us, in whichever form we run: as written, or as published.
  const form = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const file = fileURLToPath(new URL(`../node/main.${form}`, import.meta.url))
  return new Promise((resolve, reject) => {
    const started = siteProcess(file, args, process.env)
    const child = spawn(process.execPath, started.args, { stdio: 'inherit', env: started.env })
    // A terminal tells the whole group of a Ctrl-C, so the site may hear of it twice.
    const stop = () => child.kill(signal.reason === 'SIGINT' ? 'SIGINT' : 'SIGTERM')
    signal.addEventListener('abort', stop, { once: true })
    child.once('error', (cause) => {
      reject(new Fault('internal', 'cli.serve', { text: 'The site could not be started.', cause }))
    })
    child.once('exit', (code, killed) => {
      signal.removeEventListener('abort', stop)
      resolve(code ?? (killed === 'SIGINT' ? interruptedExit : 1))
    })
  })
}
