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
  },
})
