import { defineConfig } from 'vitest/config'
import { ClosingLine } from './test/reporter.ts'

/** The console page by page, `npm run test:pages`: every journey, look and script in a real browser. */
// biome-ignore lint/style/noDefaultExport: this is where vitest looks.
export default defineConfig({
  test: {
    include: ['test/pages/**/*.test.ts'],
    reporters: ['default', new ClosingLine()],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
})
