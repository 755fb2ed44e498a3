import type { Command } from 'commander'
import type { GlobalFlags, Open } from '../context.ts'
import { homeOf } from '../reach.ts'

export function addServe(program: Command, open: Open, end: (code: number) => void): void {
  program
    .command('serve')
    .description('Runs the site of a home until it is told to stop.')
    .action(async (_flags: unknown, command: Command) => {
      const { world } = open(command)
      const { home } = command.optsWithGlobals<GlobalFlags>()
      const args = ['serve', '--home', homeOf(home ?? world.env.CROSSLOAD_HOME, world)]
      end(await world.runNode(args))
    })
}
