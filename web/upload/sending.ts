/**
 * Files on their way to the site, a few at a time, each resumable (tus 1.0). It lives outside of any page,
 * so that looking around in the console does not end it; and what has come to the site is remembered in the
 * browser by what the file is, so that after a reload the same files, chosen again, go on where they were.
 */
import { type DetailedError, type PreviousUpload, Upload, type UrlStorage } from 'tus-js-client'
import { fromProblem } from '../../api/problem.ts'
import type { Asked } from '../../api/routes.ts'
import { uploadedFilesMax, uploadsPath } from '../../api/uploads.ts'
import { Fault } from '../../protocol/fault.ts'
import { queries, site } from '../site.ts'
import type { Chosen } from './chosen.ts'

/** Files under way at one time. */
const atOnce = 3
/** Up to this size a file comes with the question that begins it, in bytes. */
const atOnceBytesMax = 1_048_576
/** Pauses before a cut line is tried again, in milliseconds; after the last it waits for a person. */
const retryDelays = [500, 1000, 3000, 5000, 10_000, 20_000, 30_000]

/** A new dataset, or the next version of one. */
export type Into =
  | Pick<Asked<'datasets.add-uploaded'>, 'name' | 'project'>
  | { readonly dataset: number }

export type Sending = {
  /** The page that it was chosen on. */
  readonly of?: string | undefined
  readonly at: 'chosen' | 'sending' | 'paused' | 'making' | 'made' | 'failed'
  readonly files: number
  readonly filesDone: number
  readonly bytes: number
  readonly bytesDone: number
  readonly fault?: Fault | undefined
  /** What became of it. */
  readonly dataset?: number | undefined
}

const nothing: Sending = { at: 'chosen', files: 0, filesDone: 0, bytes: 0, bytesDone: 0 }

type Item = Chosen & {
  sent: number
  url?: string | undefined
  upload?: Upload | undefined
  id?: string | undefined
}

let items: Item[] = []
let now: Sending = nothing
let into: Into | undefined
const listeners = new Set<() => void>()

export const sending = {
  nothing,
  now: () => now,
  listen(wake: () => void) {
    listeners.add(wake)
    return () => listeners.delete(wake)
  },
  /** Instead of what was chosen before. */
  choose(files: readonly Chosen[], of: string) {
    void stop()
    items = files.map((one) => ({ ...one, sent: 0 }))
    const bytes = files.reduce((sum, { file }) => sum + file.size, 0)
    now = nothing
    tell({ of, files: files.length, bytes })
    if (files.length > uploadedFilesMax) tell({ at: 'failed', fault: tooMany(files.length) })
  },
  /** Begins, or goes on. */
  start(target: Into) {
    into = target
    tell({ at: 'sending', fault: undefined })
    fill()
  },
  /** What has come stays at the site. */
  async pause() {
    tell({ at: 'paused' })
    await stop()
  },
}

function tell(change: Partial<Sending>): void {
  now = { ...now, ...change }
  for (const wake of listeners) wake()
}

async function stop(): Promise<void> {
  const running = items.flatMap((item) => (item.id === undefined ? (item.upload ?? []) : []))
  for (const item of items) if (item.id === undefined) item.upload = undefined
  await Promise.all(running.map((upload) => upload.abort()))
}

function count(): void {
  tell({
    filesDone: items.filter(({ id }) => id !== undefined).length,
    bytesDone: items.reduce((sum, { sent }) => sum + sent, 0),
  })
}

/** As many files under way as may be; when there are no more, the dataset is made. */
function fill(): void {
  if (now.at !== 'sending') return
  const open = items.filter(({ id }) => id === undefined)
  if (open.length === 0) return void make()
  const running = open.filter(({ upload }) => upload !== undefined).length
  for (const item of open.filter(({ upload }) => upload === undefined).slice(0, atOnce - running))
    void begin(item)
}

async function begin(item: Item): Promise<void> {
  const { file, path } = item
  let before: PreviousUpload | undefined
  const upload = new Upload(file, {
    endpoint: new URL(uploadsPath, window.location.origin).href,
    retryDelays,
    // The address is told when the first question ends, and without it nothing can be resumed.
    uploadDataDuringCreation: file.size <= atOnceBytesMax,
    metadata: { filename: file.name },
    uploadUrl: item.url ?? null,
    fingerprint: async () => markOf(path, file),
    urlStorage: remembered,
    onShouldRetry: (error) => isPassing(error.originalResponse?.getStatus()),
    onUploadUrlAvailable: () => {
      item.url = upload.url ?? undefined
    },
    onProgress: (sent) => {
      item.sent = sent
      tell({ bytesDone: items.reduce((sum, one) => sum + one.sent, 0) })
    },
    onSuccess: () => {
      // The library forgets those that were there at once.
      if (before === undefined) keep(path, file, upload.url!)
      item.sent = file.size
      item.id = upload.url!.split('/').at(-1)!
      count()
      fill()
    },
    onError: (thrown) => {
      if (now.at !== 'sending') return
      tell({ at: 'failed', fault: faultOf(thrown) })
      void stop()
    },
  })
  item.upload = upload
  ;[before] = await upload.findPreviousUploads()
  if (before !== undefined && item.url === undefined) upload.resumeFromPreviousUpload(before)
  if (item.upload === upload) upload.start()
}

/** No answer, or one that says to come again. */
const isPassing = (status: number | undefined) =>
  status === undefined || [0, 408, 409, 423, 460, 502, 503, 504].includes(status)

async function make(): Promise<void> {
  tell({ at: 'making' })
  const uploads = items.map(({ id, path, file }) => ({
    upload: id!,
    path,
    modifiedAt: new Date(file.lastModified).toISOString(),
  }))
  try {
    const target = into!
    const { id } =
      'dataset' in target
        ? await site.call('datasets.update-uploaded', { id: target.dataset, uploads })
        : await site.call('datasets.add-uploaded', { ...target, uploads })
    for (const { path, file } of items) localStorage.removeItem(placeOf(markOf(path, file)))
    items = []
    tell({ at: 'made', dataset: id })
    for (const name of ['datasets.list', 'datasets.show', 'datasets.files'])
      await queries.invalidateQueries({ queryKey: [name] })
  } catch (thrown) {
    const fault = thrown instanceof Fault ? thrown : new Fault('internal', 'web.upload')
    // One that is over at the site is sent anew.
    if (fault.kind === 'missing' || fault.kind === 'gone') forget()
    tell({ at: 'failed', fault })
  }
}

function forget(): void {
  for (const item of items) {
    localStorage.removeItem(placeOf(markOf(item.path, item.file)))
    Object.assign(item, { id: undefined, url: undefined, upload: undefined, sent: 0 })
  }
  count()
}

function faultOf(thrown: Error | DetailedError): Fault {
  const response = 'originalResponse' in thrown ? thrown.originalResponse : null
  if (response) {
    try {
      return fromProblem(JSON.parse(response.getBody()), response.getStatus())
    } catch {
      return fromProblem(undefined, response.getStatus())
    }
  }
  return new Fault('unreachable', 'web.upload', {
    side: 'between',
    text: 'The site does not answer. What has come to it stays there: go on when you are connected again.',
    cause: thrown,
  })
}

function tooMany(count: number): Fault {
  return new Fault('unsupported', 'web.upload', {
    about: count,
    text: `A browser can send ${uploadedFilesMax} files for one dataset. Put the folder on the site’s machine and use: crossload dataset add NAME PATH`,
  })
}

/** The same file under the same path, as far as a browser can tell. */
const markOf = (path: string, { size, lastModified }: File) => `${size} ${lastModified} ${path}`
const placeOf = (mark: string) => `crossload.upload ${mark}`

function store(place: string, upload: Omit<PreviousUpload, 'urlStorageKey'>): string {
  try {
    localStorage.setItem(place, JSON.stringify({ ...upload, urlStorageKey: place }))
  } catch {
    // A browser that keeps no more only cannot go on after a reload.
  }
  return place
}

function keep(path: string, file: File, uploadUrl: string): void {
  const creationTime = new Date().toISOString()
  const facts = { size: file.size, metadata: {}, creationTime, parallelUploadUrls: null }
  store(placeOf(markOf(path, file)), { ...facts, uploadUrl })
}

/** The library's own goes through everything that is remembered for each file. */
const remembered: UrlStorage = {
  findAllUploads: async () => [],
  async findUploadsByFingerprint(mark) {
    const kept = localStorage.getItem(placeOf(mark))
    return kept === null ? [] : [JSON.parse(kept) as PreviousUpload]
  },
  async removeUpload(place) {
    localStorage.removeItem(place)
  },
  async addUpload(mark, upload) {
    return store(placeOf(mark), upload)
  },
}
