import { defineConfig } from 'vitest/config'
import { ClosingLine } from './test/reporter.ts'

/** The long stories of faults, `npm run test:faults`: one file at a time, so that numbers mean something. */
// biome-ignore lint/style/noDefaultExport: this is where vitest looks.
export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    reporters: ['default', new ClosingLine()],
    testTimeout: 600_000,
    hookTimeout: 120_000,
    maxWorkers: 1,
  },
})
