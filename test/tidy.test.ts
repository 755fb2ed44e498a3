/**
 * The house rules as a test. Every message says what to do instead.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const top = resolve(import.meta.dirname, '..')

/** Who may import whom, besides itself. `*` is everything. Rooms that are not listed fail. */
const mayImport: Record<string, readonly string[]> = {
  protocol: [],
  api: ['protocol'],
  'node/base': ['protocol'],
  'node/db': ['node/base', 'protocol'],
  'node/journal': ['node/base', 'node/db', 'protocol'],
  'node/store': ['node/base', 'node/db', 'node/journal', 'protocol'],
  'node/sites': ['node/base', 'node/db', 'node/journal', 'protocol'],
  'node/people': ['node/base', 'node/db', 'node/journal', 'node/sites', 'protocol'],
  'node/trees': ['node/base', 'node/store', 'protocol'],
  'node/rebinding': ['node/base', 'node/store', 'node/trees', 'protocol'],
  'node/catalog': [
    'node/base',
    'node/db',
    'node/journal',
    'node/store',
    'node/trees',
    'node/rebinding',
    'node/people',
    'protocol',
  ],
  /** Turns the records of every room below into what travels, and back. */
  'node/bundles': [
    'node/base',
    'node/db',
    'node/journal',
    'node/store',
    'node/trees',
    'node/rebinding',
    'node/catalog',
    'node/people',
    'node/sites',
    'protocol',
    'api',
  ],
  /** What people set; it is asked by whoever moves content and asks nobody. */
  'node/limits': ['node/base', 'node/db', 'node/journal', 'protocol'],
  'node/net': ['node/base', 'node/sites', 'protocol'],
  'node/transfers': [
    'node/base',
    'node/db',
    'node/journal',
    'node/store',
    /** What packing and unpacking hand over: types only. */
    'node/bundles',
    'node/trees',
    'protocol',
    'api',
  ],
  /** Reads trees and removes what no record needs; which those are it is told by node/pinned.ts. */
  'node/upkeep': ['node/base', 'node/db', 'node/journal', 'node/store', 'node/trees', 'protocol'],
  /** Lays out what arrived; is given what it needs to know of datasets and projects. */
  'node/deposit': ['node/base', 'node/db', 'node/journal', 'node/store', 'node/trees', 'protocol'],
  /** Counts what others tell; the only room that names the package it counts with. */
  'node/metrics': ['node/base', 'node/journal', 'protocol'],
  /** Reads records of every room and tells programs outside; from the rooms it takes types only. */
  'node/hooks': [
    'node/base',
    'node/db',
    'node/journal',
    'node/sites',
    'node/people',
    'node/catalog',
    'node/transfers',
    'node/upkeep',
    'protocol',
    'api',
  ],
  /** Reads records of every room and tells people; from the rooms it takes types, and what is pure. */
  'node/notices': [
    'node/base',
    'node/db',
    'node/journal',
    'node/sites',
    'node/people',
    'node/catalog',
    'node/transfers',
    'node/upkeep',
    'node/hooks',
    'protocol',
    'api',
  ],
  /** What comes from browsers, before it is a dataset. */
  'node/uploads': ['node/base', 'protocol'],
  /** Login at an institution: leads to one of our people. Of them it is given what it may ask. */
  'node/login': ['node/base', 'node/db', 'node/journal', 'node/people', 'protocol'],
  'node/http': ['*'],
  /** The files beside the rooms: composition, init, backup. They know everybody. */
  node: ['*'],
  cli: ['api', 'protocol'],
  /** Runs in a browser; of protocol only ids and faults. */
  web: ['api', 'protocol'],
  test: ['*'],
  bench: ['*'],
}

/** Packages that belong to one room, so that each can be replaced there. */
const onlyIn: readonly (readonly [RegExp, readonly string[]])[] = [
  [
    /^(libp2p|@libp2p\/|@chainsafe\/|@multiformats\/multiaddr)/,
    ['node/net', 'node/sites/identity.ts', 'test'],
  ],
  [/^(level|classic-level)$/, ['node/db', 'test']],
  [/^@ipld\/dag-pb$/, ['protocol/unixfs.ts']],
  [/^ipfs-unixfs(-importer)?$/, ['test']],
  [/^fastify/, ['node/http', 'test']],
  [/^openid-client$/, ['node/login']],
  [/^oidc-provider$/, ['test']],
  [/^prom-client$/, ['node/metrics']],
  [/^nodemailer/, ['node/notices/smtp.ts', 'test']],
  [/^@tus\//, ['node/http', 'test']],
  [/^tus-js-client$/, ['web', 'test']],
  [/^commander$/, ['cli']],
  [/^(react|react-dom|@mantine\/|@tanstack\/)/, ['web', 'test']],
  [/^playwright-core$/, ['test']],
  [/^jsonc-parser$/, ['node/rebinding']],
]

const bannedNames = /^(index|utils?|helpers?|common|shared|manager|service)\.tsx?$/

type Source = { path: string; text: string; imports: string[] }

function sources(): Source[] {
  const found: Source[] = []
  for (const folder of ['protocol', 'api', 'node', 'cli', 'web', 'test', 'bench']) {
    for (const entry of readdirSync(join(top, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.(tsx?|js)$/.test(entry.name)) continue
      const full = join(entry.parentPath, entry.name)
      const path = relative(top, full)
      if (
        path.startsWith('test/data') ||
        path.startsWith('web/dist/') ||
        path.includes('node_modules/')
      )
        continue
      const text = readFileSync(full, 'utf8')
      const imports = [...text.matchAll(/(?:from|import|import\()\s*'([^']+)'/g)].map((m) => m[1]!)
      found.push({ path, text, imports })
    }
  }
  return found
}

const all = sources()
const isTest = (path: string) =>
  path.startsWith('test/') || path.startsWith('bench/') || path.endsWith('.test.ts')

function roomOf(path: string): string {
  const parts = path.split('/')
  return parts[0] === 'node' && parts.length > 2 ? parts.slice(0, 2).join('/') : parts[0]!
}

test('the house was read', () => {
  expect(all.length).toBeGreaterThan(60)
})

describe('imports', () => {
  test('point down the table', () => {
    const wrong: string[] = []
    for (const { path, imports } of all) {
      if (isTest(path)) continue
      const room = roomOf(path)
      const allowed = mayImport[room]
      if (allowed === undefined) {
        wrong.push(`${path}: the room ${room} is not in the table; add its row with a reason`)
        continue
      }
      for (const name of imports.filter((i) => i.startsWith('.'))) {
        const target = roomOf(relative(top, resolve(top, dirname(path), name)))
        if (target === room || allowed.includes('*') || allowed.includes(target)) continue
        wrong.push(
          `${path} imports ${name}: ${room} may not import ${target}; pass it in from node.ts`,
        )
      }
    }
    expect(wrong).toEqual([])
  })

  test('of protocol, the web has only ids and faults', () => {
    const wrong = all
      .filter(({ path }) => path.startsWith('web/') && !isTest(path))
      .flatMap(({ path, imports }) =>
        imports
          .filter((i) => /\/protocol\//.test(i) && !/\/protocol\/(ids|fault)\.ts$/.test(i))
          .map((i) => `${path} imports ${i}; ask the site through api/`),
      )
    expect(wrong).toEqual([])
  })

  test('nothing imports tests', () => {
    const wrong = all
      .filter(({ path }) => !isTest(path))
      .flatMap(({ path, imports }) =>
        imports
          .filter((i) => /(^|\/)(test|bench)\//.test(i) || i.endsWith('.test.ts'))
          .map((i) => `${path} imports ${i}`),
      )
    expect(wrong).toEqual([])
  })

  test('packages stay in their room', () => {
    const wrong: string[] = []
    for (const { path, imports } of all) {
      for (const name of imports) {
        const rule = onlyIn.find(([pattern]) => pattern.test(name))
        if (
          rule === undefined ||
          rule[1].some((room) => path === room || path.startsWith(`${room}/`))
        )
          continue
        if (isTest(path)) continue
        wrong.push(
          `${path} imports ${name}: it belongs to ${rule[1].join(', ')}; ask that room for what you need`,
        )
      }
    }
    expect(wrong).toEqual([])
  })

  test('protocol, api and web run in a browser', () => {
    const wrong = all
      .filter(({ path }) => /^(protocol|api|web)\//.test(path) && !isTest(path))
      .flatMap(({ path, text, imports }) => [
        ...imports
          .filter((i) => i.startsWith('node:'))
          .map((i) => `${path} imports ${i}; take it as an argument`),
        ...(/\bBuffer\./.test(text) ? [`${path} uses Buffer; use Uint8Array`] : []),
      ])
    expect(wrong).toEqual([])
  })
})

describe('one place for', () => {
  /** Source text without comments and strings, as far as these rules need it. */
  const code = (text: string) =>
    text
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/\/\/.*$/gm, '')
      .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")

  const rules: readonly { what: RegExp; where: (path: string) => boolean; instead: string }[] = [
    {
      what: /\b(Date\.now|new Date\(\)|Math\.random|randomBytes|setTimeout|setInterval|AbortSignal\.timeout)\b/,
      where: (path) => path.startsWith('node/') && path !== 'node/base/clock.ts',
      instead: 'use the clock (node/base/clock.ts), so that a simulation can own time',
    },
    {
      what: /\bprocess\b/,
      where: (path) =>
        /^(node|cli|api|protocol)\//.test(path) &&
        ![
          'node/main.ts',
          'cli/main.ts',
          'cli/crossload.js',
          'cli/demo.ts',
          'node/db/probe.ts',
          'node/db/level.ts',
        ].includes(path),
      instead: 'only the start files touch the process; take what you need as an argument',
    },
    {
      what: /as any\b|@ts-ignore|@ts-expect-error|@ts-nocheck/,
      where: (path) => !isTest(path),
      instead: 'say the type',
    },
    {
      what: /\bconsole\./,
      where: (path) => /^(node|api|protocol)\//.test(path),
      instead: 'use the log that was passed in',
    },
    {
      what: /\benum\s+\w+\s*\{|\bexport\s+default\b/,
      where: (path) => !path.startsWith('test/'),
      instead: 'unions of strings, named exports',
    },
  ]
  for (const { what, where, instead } of rules) {
    test(`${what.source}`, () => {
      const wrong = all
        .filter(({ path }) => where(path) && !isTest(path))
        .filter(({ text }) => what.test(code(text)))
        .map(({ path }) => `${path}: ${instead}`)
      expect(wrong).toEqual([])
    })
  }
})

describe('files', () => {
  test('have names that say something', () => {
    const wrong = all
      .filter(({ path }) => bannedNames.test(basename(path)))
      .map(({ path }) => `${path}: name it after what it is`)
    expect(wrong).toEqual([])
  })

  test('leave no markers', () => {
    const marker = new RegExp(
      `\\b(${['FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b|TO${'DO'}(?!\\()`,
    )
    const wrong = all
      .filter(({ text }) => marker.test(text))
      .map(({ path }) => `${path}: write TO${'DO'}(what would settle it)`)
    expect(wrong).toEqual([])
  })

  test('are of a size that can be read', () => {
    const wrong = all
      .filter(({ path, text }) => !isTest(path) && text.split('\n').length > 500)
      .map(({ path }) => `${path}: over 500 lines; two ideas in one room?`)
    expect(wrong).toEqual([])
  })
})

test('every protocol has its page and its vectors', () => {
  const wrong: string[] = []
  for (const { path, text } of all) {
    const id = /Protocol = '(\/crossload\/[a-z]+\/\d+\.\d+\.\d+)'/.exec(text)?.[1]
    if (id === undefined || !path.startsWith('protocol/') || isTest(path)) continue
    const noun = id.split('/')[2]!
    const page = join(top, 'protocol', `${noun}.md`)
    try {
      if (!readFileSync(page, 'utf8').includes(id)) wrong.push(`${page} does not name ${id}`)
      if (readdirSync(join(top, 'test/vectors', noun)).length === 0)
        wrong.push(`no vectors for ${noun}`)
    } catch {
      wrong.push(`${noun}: write protocol/${noun}.md and test/vectors/${noun}/`)
    }
  }
  expect(wrong).toEqual([])
})

test('ARCHITECTURE.md names files and limits that are there', () => {
  const text = readFileSync(join(top, 'ARCHITECTURE.md'), 'utf8')
  const named = [...text.matchAll(/`((?:protocol|api|node|cli|web|test)\/[\w./-]+\.tsx?)`/g)]
  expect(named.length).toBeGreaterThan(20)
  const wrong = named
    .map((match) => match[1]!)
    .filter((path) => !all.some((one) => one.path === path))
    .map((path) => `ARCHITECTURE.md names ${path}, which is not there`)
  expect(wrong).toEqual([])
})

test('exports are used', () => {
  const wrong: string[] = []
  for (const { path, text } of all) {
    if (isTest(path)) continue
    for (const [, name] of text.matchAll(
      /^export (?:async )?(?:function\*?|const|class) (\w+)/gm,
    )) {
      const used = all.some(
        (other) => other.path !== path && new RegExp(`\\b${name}\\b`).test(other.text),
      )
      const usedHere = (text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0) > 1
      if (!used && !usedHere)
        wrong.push(`${path}: ${name} is exported and nobody uses it; delete it`)
    }
  }
  expect(wrong).toEqual([])
})
