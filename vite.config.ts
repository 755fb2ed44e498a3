import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin, type Rolldown, runnerImport } from 'vite'
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

type Bundle = Rolldown.OutputBundle
type Program = keyof typeof import('./web/drawn.tsx').drawn

/**
 * Of `index.html` come two pages, `login.html` for whoever has no session and `index.html` for everybody
 * else (`node/http/pages.ts` chooses). Each is sent with what its program would draw first, so that a
 * slow machine shows something before it has read that program.
 */
const twoPages: Plugin = {
  name: 'two-pages',
  apply: 'build',
  generateBundle: {
    // After the page is there.
    order: 'post',
    async handler(_options, bundle) {
      const made = bundle['index.html']
      if (made?.type !== 'asset') throw new Error('there is no index.html')
      const { module } = await runnerImport<typeof import('./web/drawn.tsx')>(page('drawn.tsx'), {
        configFile: false,
        plugins: [react()],
        logLevel: 'warn',
      })
      const shade = `<script src="/${fileOf(bundle, 'shade').fileName}"></script>`
      const html = String(made.source)
      const drawn = (program: Program, ahead: readonly string[]) =>
        html
          .replace('</title>', () => ['</title>', shade, ...ahead].join('\n    '))
          .replace(
            room,
            () => `${room.slice(0, -1)} data-program="${program}">${module.drawn[program]}`,
          )
      // Whoever logs in reads and types first; the others wait for the whole program, so it is fetched
      // before it is asked for.
      made.source = drawn('main', [...filesOf(bundle, fileOf(bundle, 'main'))].map(linkTo))
      this.emitFile({ type: 'asset', fileName: 'login.html', source: drawn('enter', []) })
    },
  },
}

const room = '<div id="room">'

const linkTo = (file: string) => {
  const as = file.endsWith('.css') ? 'style' : 'script'
  return `<link rel="preload" as="${as}" crossorigin href="/${file}" />`
}

function fileOf(bundle: Bundle, name: string): Rolldown.OutputChunk {
  const found = Object.values(bundle).find((one) => one.type === 'chunk' && one.name === name)
  if (found?.type !== 'chunk') throw new Error(`there is no ${name}`)
  return found
}

/** A program with everything that it cannot begin without. */
function filesOf(bundle: Bundle, chunk: Rolldown.OutputChunk, found = new Set<string>()) {
  if (found.has(chunk.fileName)) return found
  found.add(chunk.fileName)
  for (const style of chunk.viteMetadata?.importedCss ?? []) found.add(style)
  for (const name of chunk.imports) {
    const one = bundle[name]
    if (one?.type === 'chunk') filesOf(bundle, one, found)
  }
  return found
}

/** React and the kit in one file: it is asked for once, and stays when we change. */
const kit =
  /node_modules\/(?:react|react-dom|scheduler|@mantine|@tanstack\/(?:query-core|react-query))\/.*\.m?js$/

const page = (name: string) => join(import.meta.dirname, 'web', name)

/** The web console, `web/` → `web/dist`. In development `/api` goes to the site that CROSSLOAD_URL names. */
// biome-ignore lint/style/noDefaultExport: this is where vite looks.
export default defineConfig({
  root: join(import.meta.dirname, 'web'),
  plugins: [react(), addresses, twoPages, packed],
  build: {
    ...{ outDir: 'dist', emptyOutDir: true, target: 'es2023', assetsInlineLimit: 0 },
    rolldownOptions: {
      input: [page('index.html'), page('shade.ts')],
      output: { codeSplitting: { groups: [{ name: 'kit', test: kit }] } },
      // Packing takes most of the time, and is to.
      checks: { pluginTimings: false },
    },
  },
  server: { proxy: { '/api': process.env.CROSSLOAD_URL ?? 'http://127.0.0.1:4680' } },
})
