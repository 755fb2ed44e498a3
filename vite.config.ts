import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'
import { routes } from './api/routes.ts'

/** Beside each file stand packed copies of it, so that a site need not pack while it answers. */
const packed: Plugin = {
  name: 'packed',
  apply: 'build',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      for (const [fileName, file] of Object.entries(bundle)) {
        const plain = Buffer.from(file.type === 'chunk' ? file.code : file.source)
        this.emitFile({ type: 'asset', fileName: `${fileName}.gz`, source: gzipSync(plain) })
        const source = brotliCompressSync(plain)
        this.emitFile({ type: 'asset', fileName: `${fileName}.br`, source })
      }
    },
  },
}

/**
 * Of the table of routes a browser needs where each question goes. The shapes, and zod with them, stay at
 * the site, which checks what it is asked.
 */
const addresses: Plugin = {
  name: 'addresses',
  load(id) {
    if (id !== table) return null
    const rows = Object.entries(routes).map(([name, { method, path, answer }]) => {
      return [name, { method, path, answer }]
    })
    return `export const routes = ${JSON.stringify(Object.fromEntries(rows))}`
  },
}
const table = join(import.meta.dirname, 'api/routes.ts')

/** The web console, `web/` → `web/dist`. In development `/api` goes to the site that CROSSLOAD_URL names. */
// biome-ignore lint/style/noDefaultExport: this is where vite looks.
export default defineConfig({
  root: join(import.meta.dirname, 'web'),
  plugins: [react(), addresses, packed],
  build: {
    ...{ outDir: 'dist', emptyOutDir: true, target: 'es2023', assetsInlineLimit: 0 },
  },
  server: { proxy: { '/api': process.env.CROSSLOAD_URL ?? 'http://127.0.0.1:4680' } },
})
