import { Button, Stack, Text } from '@mantine/core'
import { sizeText, visible } from '../../api/words.ts'
import { site, usePages } from '../site.ts'
import { useFilter } from './filter.tsx'
import { LongList } from './long-list.tsx'
import { Answered, Empty } from './page.tsx'
import { Line } from './rows.tsx'

const limit = 500

/** A dataset's files, a page at a time; a dataset may have millions. */
export function FileList({ dataset, version }: { dataset: number; version: number }) {
  const { search, box } = useFilter('Search in paths')
  const asked = usePages(
    'datasets.files',
    { id: dataset, version, limit, ...search },
    ({ next }) => next,
  )
  return (
    <Stack gap="sm">
      {box}
      <Answered of={asked}>
        {({ pages }) => {
          const files = pages.flatMap((page) => page.files)
          return (
            <>
              {files.length === 0 && (
                <Empty>
                  {search.search === undefined
                    ? 'This dataset has no files.'
                    : asked.hasNextPage
                      ? 'No path so far has this text; there are more to look at.'
                      : 'No path has this text. Search for a shorter part of it.'}
                </Empty>
              )}
              <LongList
                label="Files"
                items={files}
                keyOf={({ path }) => path}
                of={asked}
                more="Look on"
                row={({ path, size }) => (
                  <Line
                    acts={
                      <>
                        <Text size="sm" className="figures">
                          {sizeText(size)}
                        </Text>
                        <Button
                          component="a"
                          href={site.addressOf('datasets.content', { id: dataset, version, path })}
                          download
                          variant="subtle"
                          size="compact-sm"
                          aria-label={`Download ${visible(path)}`}
                        >
                          Download
                        </Button>
                      </>
                    }
                  >
                    <Text size="sm">{visible(path)}</Text>
                  </Line>
                )}
              />
            </>
          )
        }}
      </Answered>
    </Stack>
  )
}
