/**
 * An sshd of our own on loopback, with a key of its own for the host and one for the user, all in a
 * temporary folder; the cipher is whatever ssh and sshd agree on by default.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { eventually, run } from '../../test/site.ts'
import { Skipped } from '../case.ts'
import { childrenOf } from '../cost.ts'
import { freePort } from '../free-port.ts'

export interface Sshd extends AsyncDisposable {
  readonly pid: number
  /** For `rsync -e`. */
  readonly shell: string
  /** As ssh and rsync name the user there. */
  readonly host: string
  /** Every connection has ended and its processes were waited for, so their CPU is counted. */
  settled(): Promise<unknown>
}

async function find(program: string): Promise<string> {
  const path = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`
  const { code, stdout } = await run('sh', ['-c', `command -v ${program}`], { env: { PATH: path } })
  if (code !== 0) throw new Skipped(`${program} is not installed`)
  return stdout.trim()
}

/** Throws `Skipped` where a program is missing or the login does not work. */
export async function openSshd(folder: string): Promise<Sshd> {
  const [sshd, keygen] = await Promise.all([find('sshd'), find('ssh-keygen'), find('ssh')])
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const at = (name: string) => join(folder, name)
  for (const name of ['host', 'user'])
    await run(keygen, ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)])
  await copyFile(at('user.pub'), at('authorized'))
  const port = await freePort()
  const hostKey = (await readFile(at('host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ')
  await writeFile(at('known'), `[127.0.0.1]:${port} ${hostKey}\n`)
  await writeFile(
    at('config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('authorized')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin prohibit-password',
    ].join('\n'),
  )
  const made = await makeEmptyRoom()
  const child = spawn(sshd, ['-D', '-e', '-f', at('config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let written = ''
  child.stderr.on('data', (data) => {
    written += data
  })
  const close = async () => {
    await end(child)
    if (made) await rmdir(emptyRoom).catch(() => {})
  }
  const options = ['BatchMode=yes', 'IdentitiesOnly=yes', `UserKnownHostsFile=${at('known')}`]
  const ssh = ['-F', 'none', '-p', `${port}`, '-i', at('user')].concat(
    options.flatMap((option) => ['-o', option]),
  )
  const host = `${userInfo().username}@127.0.0.1`
  try {
    await eventually(
      async () => (await run('ssh', [...ssh, host, 'true'])).code === 0,
      'ssh',
      5_000,
    )
  } catch {
    await close()
    throw new Skipped(`no login at an sshd of our own: ${written.trim().split('\n').at(-1)}`)
  }
  const settled = () =>
    eventually(async () => (await childrenOf(child.pid!)).length === 0, 'the last connection ended')
  await settled()
  return {
    pid: child.pid!,
    shell: ['ssh', ...ssh].join(' '),
    host,
    settled,
    [Symbol.asyncDispose]: close,
  }
}

/** Where sshd locks up the part of it that talks to strangers. Its package's service makes it, as a rule. */
const emptyRoom = '/run/sshd'

async function makeEmptyRoom(): Promise<boolean> {
  return await mkdir(emptyRoom, { mode: 0o755 }).then(
    () => true,
    () => false,
  )
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}
