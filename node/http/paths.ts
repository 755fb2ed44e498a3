/**
 * Which paths of this machine people may name. The node reads and writes as its own account, so a
 * path is a right: nobody reaches the site's home, and people reach only the folders they are given.
 */
import { realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { Fault } from '../../protocol/fault.ts'
import type { User } from '../people/users.ts'

/** Folders for everybody; `any` leaves it to who may reach the site at all. Administrators have all. */
export type Folders = readonly string[] | 'any'

export interface Paths {
  /** The path with its links resolved, as far as it exists. Faults `invalid` or `denied`. */
  check(path: string, by: User): Promise<string>
  /** Where `by` may name paths. */
  named(by: User): { any: boolean; folders: string[] }
}

export function createPaths(needs: { home: string; folders: Folders }): Paths {
  const mayAll = (by: User) => by.role === 'administrator' || needs.folders === 'any'
  return {
    named: (by) => ({
      any: mayAll(by),
      folders: needs.folders === 'any' ? [] : [...needs.folders],
    }),
    async check(path, by) {
      if (!isAbsolute(path)) {
        throw new Fault('invalid', 'http.path', {
          about: path,
          text: 'Give the path whole, from the root of the file system.',
        })
      }
      const real = await resolved(path)
      const home = await resolved(needs.home)
      if (isWithin(real, home) || isWithin(home, real)) {
        throw new Fault('denied', 'http.path', {
          about: path,
          text: `${path} holds the site's own keys and records. Name another folder.`,
        })
      }
      if (needs.folders === 'any' || mayAll(by)) return real
      for (const folder of needs.folders) if (isWithin(real, await resolved(folder))) return real
      throw new Fault('denied', 'http.path', {
        about: path,
        text: `${path} is not in a folder that people may name here. Ask an administrator.`,
      })
    },
  }
}

/** With every link on the way resolved; what does not exist yet keeps the name it will have. */
async function resolved(path: string): Promise<string> {
  const whole = resolve(path)
  try {
    return await realpath(whole)
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    const above = dirname(whole)
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || above === whole) return whole
    return join(await resolved(above), basename(whole))
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}
