/**
 * Three analyses of the flow cytometry in `test/data`, with results that are computed from the bytes of
 * its files, so that whoever has the results can tell whether they are the right ones.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cytometry } from '../trees.ts'

type Analysis = {
  /** The files it reads, in the dataset. */
  inputs: readonly string[]
  /** Throws unless the export of an arrived workflow holds the results. */
  demand(exported: string): Promise<void>
}

const reads: Record<string, readonly string[]> = {
  Gating: ['0877408774.B08', '0877408774.E07'],
  Compensation: ['compensation/060909.001', 'compensation/compmatrix'],
  Counting: ['compensation/060909.002', '0877408774.F06'],
}

/** Bytes of a file, and the mean of them: plain enough to be computed anew in a test. */
async function resultsOf(inputs: readonly string[]): Promise<string> {
  const lines = await Promise.all(
    inputs.map(async (path) => {
      const bytes = await readFile(join(cytometry, path))
      const sum = bytes.reduce((all, one) => all + one, 0)
      return `${path},${bytes.byteLength},${sum / bytes.byteLength}`
    }),
  )
  return `file,bytes,mean\n${lines.join('\n')}\n`
}

export const analyses: Readonly<Record<string, Analysis>> = Object.fromEntries(
  Object.entries(reads).map(([name, inputs]) => [
    name,
    {
      inputs,
      async demand(exported) {
        const found = await readFile(join(exported, 'results/statistics.csv'), 'utf8')
        if (found !== (await resultsOf(inputs))) throw new Error(`${name} has results of its own`)
      },
    } satisfies Analysis,
  ]),
)

/** Writes an analysis of a dataset as a workflow's document and its results. */
export async function writeAnalysis(folder: string, name: string, dataset: number) {
  const { inputs } = analyses[name]!
  const results = join(folder, `${name} results`)
  await mkdir(results, { recursive: true })
  await writeFile(join(results, 'statistics.csv'), await resultsOf(inputs))
  const document = join(folder, `${name}.json`)
  const files = inputs.map((path) => `dataset:${dataset}/${path}`)
  await writeFile(document, JSON.stringify({ name, datasetId: dataset, files }))
  return { document, results }
}
