/**
 * Loaded before a program of others (`node --import`), so that a test may say that nothing of it leaves
 * this machine: whatever it would reach but loopback fails, and stands on its stderr.
 */
import dns from 'node:dns'
import { Socket } from 'node:net'
import { join } from 'node:path'

export const offlineWord = 'would have left this machine for'

/** The environment of a program that stays here and asks nobody about itself. */
export const offlineEnv: NodeJS.ProcessEnv = {
  ...process.env,
  NODE_OPTIONS: `--import=${join(import.meta.dirname, 'offline.ts')}`,
  REDOCLY_TELEMETRY: 'off',
  REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
  SCARF_ANALYTICS: 'false',
  DO_NOT_TRACK: '1',
  NO_UPDATE_NOTIFIER: '1',
  NO_COLOR: '1',
}

const here = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/

function refuse(host: string): never {
  process.stderr.write(`${offlineWord} ${host}\n`)
  throw new Error(`${offlineWord} ${host}`)
}

if (
  process.execArgv
    .concat(process.env.NODE_OPTIONS ?? '')
    .join()
    .includes('offline.ts')
) {
  const lookup = dns.lookup
  dns.lookup = ((host: string, ...rest: never[]) =>
    host === '' || here.test(host)
      ? lookup(host, ...(rest as unknown as [never]))
      : refuse(host)) as unknown as typeof dns.lookup
  const connect = Socket.prototype.connect
  Socket.prototype.connect = function (this: Socket, ...args: unknown[]) {
    const [first] = (Array.isArray(args[0]) ? args[0] : args) as [unknown]
    const host = (first as { host?: string } | undefined)?.host
    if (typeof host === 'string' && !here.test(host)) refuse(host)
    return (connect as (...all: unknown[]) => Socket).apply(this, args)
  } as typeof connect
}
