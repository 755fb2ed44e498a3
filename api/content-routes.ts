/** Questions about the content of files. Part of the table in `routes.ts`. */
import { z } from 'zod'
import { datasetId, version, workflowId } from './inputs.ts'
import { bytes, fields } from './route.ts'

/** What stands between two slashes of a file's address; whether there is such a file, the site knows. */
const filePath = z.string().min(1).max(1024)

/** No JSON: the bytes of a file. */
const content = z.instanceof(Uint8Array)

export const contentRoutes = {
  'datasets.content': bytes('GET /api/datasets/:id/content', 'dataset.read', {
    says: 'The bytes of one file of a dataset, whole or a range of them.',
    input: fields({ id: datasetId, path: filePath, version: version.optional() }),
    output: content,
    kinds: ['gone', 'conflict', 'corrupt'],
  }),
  'workflows.content': bytes('GET /api/workflows/:id/content', 'workflow.read', {
    says: 'The bytes of one file of a workflow as it travels: its document, or one of its results.',
    input: fields({ id: workflowId, path: filePath, version: version.optional() }),
    output: content,
    kinds: ['gone', 'conflict', 'corrupt'],
  }),
}
