import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { ClosingLine } from './test/reporter.ts'

export default defineConfig({
  test: {
    include: ['{protocol,api,node,cli,web}/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'test/faults/**', 'test/pages/**'],
    reporters: ['default', new ClosingLine()],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    // Hundreds of sites are started as processes: compiled code is kept as the command line keeps it.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/crossload') },
  },
})
