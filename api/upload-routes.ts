/**
 * Datasets made of files that were uploaded at `/api/uploads` (tus 1.0). Part of the table in `routes.ts`.
 */
import { z } from 'zod'
import { datasetId, meta, name, projectId } from './inputs.ts'
import { fields, long } from './route.ts'
import * as shapes from './shapes.ts'
import { uploadedFilesMax } from './uploads.ts'

/** Bytes of a body that names so many of them. */
const bodyBytesMax = 8 * 1024 * 1024

const uploads = z
  .array(
    fields({
      /** The last part of its address. */
      upload: z.string().regex(/^[0-9a-f]{32}$/, 'is not the ID of an upload'),
      /** In the dataset. */
      path: z.string().min(1).max(1024),
      /** When the file was last changed, where it came from. */
      modifiedAt: shapes.instant.optional(),
    }),
  )
  .min(1)
  .max(uploadedFilesMax)

export const uploadRoutes = {
  'datasets.add-uploaded': long('POST /api/datasets/uploaded', 'dataset.write', {
    says: 'Makes a dataset of my finished uploads, which are then no more; of all of them or none.',
    input: fields({ name, project: projectId.optional(), meta: meta.optional(), uploads }),
    output: shapes.addedDatasetView,
    kinds: ['conflict', 'gone', 'full', 'corrupt', 'unsupported'],
    bodyBytesMax,
  }),
  'datasets.update-uploaded': long('POST /api/datasets/:id/uploaded', 'dataset.write', {
    says: 'Makes the next version of a dataset of my finished uploads, and of nothing else.',
    input: fields({ id: datasetId, uploads }),
    output: shapes.addedDatasetView,
    kinds: ['exists', 'conflict', 'gone', 'full', 'corrupt', 'unsupported'],
    bodyBytesMax,
  }),
}
