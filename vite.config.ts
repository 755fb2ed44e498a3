import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

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

/** The web console, `web/` → `web/dist`. In development `/api` goes to the site that CROSSLOAD_URL names. */
// biome-ignore lint/style/noDefaultExport: this is where vite looks.
export default defineConfig({
  root: join(import.meta.dirname, 'web'),
  plugins: [react(), packed],
  build: {
    ...{ outDir: 'dist', emptyOutDir: true, target: 'es2023', assetsInlineLimit: 0 },
    rolldownOptions: {
      output: {
        // Files that several pages share run before the page itself: what zod must be told before the
        // first shape is made lies in one file with zod, wherever that comes to lie.
        codeSplitting: { groups: [{ name: 'shapes', test: /node_modules\/zod\/|web\/no-eval/ }] },
      },
    },
  },
  server: { proxy: { '/api': process.env.CROSSLOAD_URL ?? 'http://127.0.0.1:4680' } },
})
