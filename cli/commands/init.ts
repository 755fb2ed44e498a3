import type { Command } from 'commander'
import type { Open } from '../context.ts'
import { collect } from '../options.ts'
import { homeOf } from '../reach.ts'

type Flags = {
  home?: string
  name: string
  admin?: string
  listen: string[]
  http?: string
  lane?: string
  json?: boolean
}

export function addInit(program: Command, open: Open, end: (code: number) => void): void {
  program
    .command('init')
    .description('Makes a site: its key, its journal, its first administrator.')
    .requiredOption('--name <name>', 'what the site calls itself, for example "Oslo Cytometry"')
    .option('--admin <email>', 'the first administrator')
    .option(
      '--listen <address>',
      'where other sites reach it: HOST:PORT or a multiaddr',
      collect,
      [],
    )
    .option('--http <host:port>', 'where people reach it')
    .option('--lane <host:port>', 'where direct lanes are taken')
    .action(async (_flags: unknown, command: Command) => {
      const { world } = open(command)
      const flags = command.optsWithGlobals<Flags>()
      const home = homeOf(flags.home ?? world.env.CROSSLOAD_HOME, world)
      const args = ['init', '--home', home, '--name', flags.name]
      for (const flag of ['admin', 'http', 'lane'] as const) {
        const value = flags[flag]
        if (value !== undefined) args.push(`--${flag}`, value)
      }
      for (const address of flags.listen) args.push('--listen', address)
      if (flags.json) args.push('--json')
      end(await world.runNode(args))
    })
}
