#!/usr/bin/env node
/*
 * The program's first file, in the plainest JavaScript: an old Node must be able to read it, because
 * on TypeScript it stops before any line runs and says nothing that helps.
 */
const needed = 24
const major = Number(process.versions.node.split('.')[0])

function fail(text, code) {
  process.stderr.write(`crossload: ${text}\n`)
  process.exitCode = code
}

async function start() {
  // Compiled code is kept beside the packages: a command then starts in half the time.
  const { enableCompileCache } = await import('node:module')
  const { fileURLToPath } = await import('node:url')
  enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/crossload', import.meta.url)))
  return import('./main.ts')
}

if (major >= needed) {
  start().then(
    (loaded) => loaded.main(),
    (error) => {
      if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
      fail(`Something that it needs is not installed. Run npm ci first. (${error.message})`, 12)
    },
  )
} else {
  // 12 is the exit code of `unsupported`.
  fail(
    `Node ${needed} or newer is needed and this is ${process.versions.node}. ` +
      'Inside a checkout, npx crossload or npm run crossload use the right one.',
    12,
  )
}
