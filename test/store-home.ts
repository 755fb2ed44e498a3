/** A store on a disk with its index, opened as often as wanted, harmed, and copied as a crash leaves it. */
import { chmod, cp, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Db, openDb } from '../node/db/db.ts'
import { openStore } from '../node/store/objects.ts'
import { sha256 } from '../node/store/sha256.ts'
import type { Store } from '../node/store/store.ts'
import { type TestFile, wholeOf } from './contracts/store.ts'
import { openFolder } from './folder.ts'

export type StoreHome = AsyncDisposable & {
  readonly folder: string
  path(...parts: string[]): string
  /** With an empty index each time, as after one was thrown away. */
  open(create?: boolean): Promise<Store>
  /** With an index of its own that stays. Close it before the next. */
  openKept(options?: { packBytesMax?: number }): Promise<Store & { readonly db: Db }>
  /** What is on the disk now, index and all, as another home. */
  crash(): Promise<StoreHome>
}

export async function createStoreHome(at?: string): Promise<StoreHome> {
  const stack = new AsyncDisposableStack()
  const folder = at ?? stack.use(await openFolder()).path
  let indexes = 0
  let crashes = 0
  return {
    folder,
    path: (...parts) => join(folder, 'store', ...parts),
    async open(create = true) {
      const db = stack.use(await openDb({ folder: join(folder, `db${indexes++}`), create: true }))
      return stack.use(await openStore({ folder: join(folder, 'store'), db, create }))
    },
    async openKept(options) {
      const index = join(folder, 'db')
      const isNew = !(await readdir(folder)).includes('db')
      const closing = stack.use(new AsyncDisposableStack())
      const db = closing.use(await openDb({ folder: index, create: isNew }))
      const store = closing.use(
        await openStore({ folder: join(folder, 'store'), db, create: isNew, ...options }),
      )
      return alike(store, { db, [Symbol.asyncDispose]: () => closing.disposeAsync() })
    },
    async crash() {
      const after = join(folder, `crash${crashes++}`)
      await cp(join(folder, 'store'), join(after, 'store'), { recursive: true })
      const names = await readdir(folder)
      if (names.includes('db')) await cp(join(folder, 'db'), join(after, 'db'), { recursive: true })
      return stack.use(await createStoreHome(after))
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** The same store with some of it replaced; what counts in it goes on counting. */
export function alike<T extends object>(store: Store, more: T): Store & T {
  return Object.defineProperties(
    Object.create(store),
    Object.getOwnPropertyDescriptors(more),
  ) as Store & T
}

export const putSmall = (store: Store, file: TestFile) =>
  store.putSmall(sha256(wholeOf(file)), wholeOf(file))

export async function flip(path: string, at: number): Promise<void> {
  await chmod(path, 0o600)
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0]! ^= 0x10
  await file.write(byte, 0, 1, at)
  await file.close()
}

export async function filesUnder(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
}
