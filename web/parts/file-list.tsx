import { Button, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { sizeText, visible } from '../../api/words.ts'
import { site, usePages } from '../site.ts'
import { More } from './more.tsx'
import { Answered, Empty } from './page.tsx'
import { Row, Rows } from './rows.tsx'

const limit = 100

/** A dataset's files, a page at a time; a dataset may have millions. */
export function FileList({ dataset }: { dataset: number }) {
  const [typed, setTyped] = useState('')
  const [search] = useDebouncedValue(typed.trim(), 300)
  const asked = usePages(
    'datasets.files',
    { id: dataset, limit, ...(search !== '' && { search }) },
    (page) => page.next,
  )
  return (
    <Stack gap="sm">
      <TextInput
        label="Search in paths"
        type="search"
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      <Answered of={asked}>
        {({ pages }) => {
          const files = pages.flatMap((page) => page.files)
          return (
            <>
              {files.length === 0 && (
                <Empty>
                  {search === ''
                    ? 'This dataset has no files.'
                    : asked.hasNextPage
                      ? 'No path so far has this text; there are more to look at.'
                      : 'No path has this text. Search for a shorter part of it.'}
                </Empty>
              )}
              <Rows label="Files">
                {files.map(({ path, size }) => (
                  <Row
                    key={path}
                    acts={
                      <>
                        <Text size="sm" className="figures">
                          {sizeText(size)}
                        </Text>
                        <Button
                          component="a"
                          href={site.addressOf('datasets.content', { id: dataset, path })}
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
                  </Row>
                ))}
              </Rows>
              <More of={asked} what="More files" />
            </>
          )
        }}
      </Answered>
    </Stack>
  )
}
