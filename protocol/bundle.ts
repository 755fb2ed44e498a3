/**
 * What travels. A bundle is one canonical, signed statement by the source: a dataset, workflows on
 * it, or both, each as the root of a tree. Its schema has no place for collaborators, groups or
 * connections, so they cannot leave by mistake. The page is bundle.md.
 */
import { CID } from 'multiformats/cid'
import { z } from 'zod'
import { Fault } from './fault.ts'
import type { SiteId } from './ids.ts'
import { decode, encode, sameBytes } from './wire.ts'
import { refsMax } from './workflow.ts'

/** The most a bundle may weigh, in bytes. Content and manifests are outside it. */
export const bundleBytesMax = 1024 * 1024
/** The most workflows one bundle carries. */
export const workflowsMax = 256

/** What a signature of a bundle is made over, before the bundle's bytes. */
export const bundleSignedPrefix = 'crossload bundle 1\n'

/** Plain text for people: no control characters, so that a terminal shows it as it is. */
const text = (charactersMax: number) =>
  z
    .string()
    .max(charactersMax)
    .refine((s) => !/\p{Cc}/u.test(s), 'has control characters')

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const localId = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER)

/** The text form of a CID of the given codec that is exactly what its bytes would print. */
const cidText = (prefix: RegExp) =>
  z.string().refine((s) => {
    if (!prefix.test(s)) return false
    try {
      const cid = CID.parse(s)
      return (
        cid.multihash.code === 0x12 &&
        cid.multihash.digest.byteLength === 32 &&
        cid.toString() === s
      )
    } catch {
      return false
    }
  }, 'is not a CID that Crossload uses')

const rootCid = cidText(/^bafyrei[a-z2-7]{52}$/)
const fileCid = cidText(/^baf(?:krei|ybei)[a-z2-7]{52}$/)
export const siteText = z.string().regex(/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/)
export const transferText = z.string().regex(/^[0-9a-f]{32}$/)
const emailText = text(254).regex(/^[^\s@]+@[^\s@]+$/)

/** A tree by its roots, with what it holds. Sizes in bytes; the receiver checks every count. */
export const treeShape = z.strictObject({
  root: rootCid,
  times: rootCid.nullable(),
  entries: count,
  files: count,
  bytes: count,
  blocks: count,
})

const refShape = z.strictObject({
  pointer: z.string().max(2048),
  form: z.enum(['id-number', 'id-string', 'path']),
  path: z.string().max(1024).optional(),
})

const inputShape = z.strictObject({ label: text(500), path: z.string().max(1024), cid: fileCid })

const datasetShape = z.strictObject({
  /** The dataset's ID and version at the source: for the history of both sides, never used as ours. */
  id: localId,
  version: localId,
  name: text(200),
  meta: z
    .record(text(200), text(4096))
    .refine((meta) => Object.keys(meta).length <= 256, 'has more than 256 entries'),
  tree: treeShape,
  /** True when files were chosen: the tree is a part of the version. */
  part: z.boolean(),
})

const workflowShape = z.strictObject({
  id: localId,
  version: localId,
  name: text(200),
  format: text(100),
  /** A tree with the canonical `document` and whatever lies under `results/`. */
  tree: treeShape,
  document: fileCid,
  refs: z.array(refShape).max(refsMax),
  inputs: z.array(inputShape).max(refsMax),
  /** The version of the source's dataset that it is bound to. */
  about: z.strictObject({ dataset: localId, version: localId, root: rootCid }),
})

export const bundleShape = z.strictObject({
  v: z.literal(1),
  transfer: transferText,
  from: z.strictObject({ site: siteText, person: emailText }),
  to: z.strictObject({ site: siteText, person: emailText }),
  createdAt: count,
  dataset: datasetShape.optional(),
  workflows: z.array(workflowShape).max(workflowsMax),
})

export type Bundle = z.infer<typeof bundleShape>
export type BundleDataset = z.infer<typeof datasetShape>
export type BundleWorkflow = z.infer<typeof workflowShape>
export type BundleTree = z.infer<typeof treeShape>

/** Canonical bytes; what is signed and what the receipt names by its hash. */
export function encodeBundle(bundle: Bundle): Uint8Array {
  return encode(bundle)
}

/** Faults `invalid` on anything that is not canonical, too large, or outside the schema. */
export function decodeBundle(bytes: Uint8Array): Bundle {
  const bundle = decode(bytes, bundleShape, bundleBytesMax, 'bundle.decode')
  // A schema may drop what it has no name for (`__proto__`); what is kept must be what was signed.
  if (sameBytes(encode(bundle), bytes)) return bundle
  throw new Fault('invalid', 'bundle.decode', {
    text: 'A bundle holds more than its schema has a place for.',
  })
}

/** The trees of a bundle in the order that the content protocol counts them: dataset first. */
export function treesOf(bundle: Pick<Bundle, 'dataset' | 'workflows'>): BundleTree[] {
  return [...(bundle.dataset ? [bundle.dataset.tree] : []), ...bundle.workflows.map((w) => w.tree)]
}

/** The bytes a signature is made over. */
export function signedBytes(prefix: string, bytes: Uint8Array): Uint8Array {
  const start = new TextEncoder().encode(prefix)
  const all = new Uint8Array(start.byteLength + bytes.byteLength)
  all.set(start)
  all.set(bytes, start.byteLength)
  return all
}

/** For the will / will not travel list that a sender sees. */
export const neverTravels = ['collaborators', 'groups', 'connections'] as const

export type Signer = (bytes: Uint8Array) => Promise<Uint8Array>
export type Verifier = (site: SiteId, bytes: Uint8Array, signature: Uint8Array) => Promise<boolean>
