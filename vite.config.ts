import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** The web console, `web/` → `web/dist`. In development `/api` goes to the site that CROSSLOAD_URL names. */
// biome-ignore lint/style/noDefaultExport: this is where vite looks.
export default defineConfig({
  root: join(import.meta.dirname, 'web'),
  plugins: [react()],
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2023', assetsInlineLimit: 0 },
  server: { proxy: { '/api': process.env.CROSSLOAD_URL ?? 'http://127.0.0.1:7790' } },
})
