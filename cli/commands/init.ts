import { resolve } from 'node:path'
import type { Command } from 'commander'
import { parseEmail } from '../../protocol/ids.ts'
import type { Open } from '../context.ts'
import { collect } from '../options.ts'
import { homeOf } from '../reach.ts'

type Flags = {
  home?: string
  name: string
  admin?: string
  listen: string[]
  announce: string[]
  folder: string[]
  json?: boolean
  http?: string
  publicUrl?: string
  lane?: string
  announceLane?: string
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
    .option('--announce <address>', 'told to other sites instead, as behind a proxy', collect, [])
    .option('--folder <dir>', 'people may add from and export to it', collect, [])
    .option('--http <host:port>', 'where people reach it')
    .option(
      '--public-url <origin>',
      'where people reach it from elsewhere, as behind a proxy: https://NAME',
    )
    .option('--lane <host:port>', 'where content may come and go on sockets of its own: faster')
    .option('--announce-lane <host:port>', 'told to other sites instead, as behind a router')
    .action(async (_flags: unknown, command: Command) => {
      const { world } = open(command)
      const flags = command.optsWithGlobals<Flags>()
      const home = homeOf(flags.home ?? world.env.CROSSLOAD_HOME, world)
      const args = ['init', '--home', home, '--name', flags.name]
      if (flags.admin !== undefined) args.push('--admin', parseEmail(flags.admin))
      if (flags.http !== undefined) args.push('--http', flags.http)
      if (flags.publicUrl !== undefined) args.push('--public-url', flags.publicUrl)
      if (flags.lane !== undefined) args.push('--lane', flags.lane)
      if (flags.announceLane !== undefined) args.push('--announce-lane', flags.announceLane)
      for (const address of flags.listen) args.push('--listen', address)
      for (const address of flags.announce) args.push('--announce', address)
      for (const folder of flags.folder) args.push('--folder', resolve(world.cwd, folder))
      if (flags.json) args.push('--json')
      end(await world.runNode(args))
    })
}
