import { createHash, randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { blockBytes } from '../../protocol/unixfs.ts'
import { sha256, sha256Aside } from './sha256.ts'

it.each([0, 1, 131_071, 131_072, blockBytes])(
  '%i bytes have one digest, on this thread and on another',
  async (size) => {
    const bytes = new Uint8Array(randomBytes(size))
    const digest = new Uint8Array(createHash('sha256').update(bytes).digest())
    expect(new Uint8Array(sha256(bytes))).toEqual(digest)
    for (const spare of [true, false])
      expect(new Uint8Array(await sha256Aside(bytes, spare))).toEqual(digest)
  },
)
