import { basename } from 'node:path/posix'
import type { Command } from 'commander'
import { sizeText, visible } from '../../api/words.ts'
import type { DatasetId } from '../../protocol/ids.ts'
import { fileNameOf } from '../../protocol/paths.ts'
import type { Open } from '../context.ts'
import { download } from '../download.ts'
import { given, idOf } from '../options.ts'

export function addDownload(dataset: Command, open: Open): void {
  dataset
    .command('download')
    .argument('<id>')
    .argument('<path>', 'of a file in it, as dataset files shows it')
    .argument('[file]', 'a new file; the last part of the path unless given')
    .option('--version <number>')
    .description('Fetches one file to this machine; after a cut, the same command goes on.')
    .action(
      async (
        id: string,
        path: string,
        file: string | undefined,
        flags: { version?: string },
        command: Command,
      ) => {
        const context = open(command)
        const version =
          flags.version === undefined ? undefined : idOf<number>(flags.version, 'version')
        const input = given({ id: idOf<DatasetId>(id, 'dataset'), path, version })
        const target = context.path(file ?? fileNameOf(basename(path), 'file'))
        const line = context.line()
        try {
          const came = await download(
            (method, headers) => context.bytes('datasets.content', input, { method, headers }),
            target,
            {
              signal: context.signal,
              onProgress: (bytes, of) => {
                if (!context.json) line.show(`${sizeText(bytes)} of ${sizeText(of)}`, false)
              },
            },
          )
          line.end({ clear: true })
          context.print(
            came,
            () => `Wrote ${sizeText(came.bytes)} to ${visible(came.file)}, sha256 ${came.sha256}`,
          )
        } finally {
          line.end({ clear: true })
        }
      },
    )
}
