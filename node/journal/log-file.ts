/** One file of the journal, as far as the journal writes it. A value, so that a test can own the disk. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

export interface LogFile {
  /** All of `bytes` at this place. They are not safe before `flush`. */
  write(bytes: Uint8Array, at: number): Promise<void>
  /** Everything written is on the disk. Once it has failed nobody knows what is. */
  flush(): Promise<void>
  /** Forgets everything behind `size`, durably. */
  cut(size: number): Promise<void>
  close(): Promise<void>
}

export type OpenLogFile = (path: string) => Promise<LogFile>

/** Opens the file for writing and makes it when it is not there. */
export async function openLogFile(path: string): Promise<LogFile> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  return {
    async write(bytes, at) {
      let done = 0
      while (done < bytes.byteLength) {
        const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, at + done)
        done += bytesWritten
      }
    },
    flush: () => file.datasync(),
    async cut(size) {
      await file.truncate(size)
      await file.datasync()
    },
    close: () => file.close(),
  }
}
