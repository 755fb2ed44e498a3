/** What a workflow is made of, as it lies at the site's machine; the same for a new one and for its next version. */
import { Checkbox, NativeSelect, Stack, Text, Textarea } from '@mantine/core'
import { useState } from 'react'
import { FolderField } from '../parts/folder-field.tsx'

export type Documented = {
  document: string
  results: string
  format: string
  /** Lines of JSON Pointers, and of LABEL=PATH, as they are typed. */
  refs: string
  inputs: string
  allowUnbound: boolean
}

const nothing: Documented = {
  ...{ document: '', results: '', format: '', refs: '', inputs: '', allowUnbound: false },
}

export function useDocumented() {
  const [of, setOf] = useState(nothing)
  return { of, set: (more: Partial<Documented>) => setOf((before) => ({ ...before, ...more })) }
}

/** As the site is asked: what was left empty is not said. */
export function inputOf(of: Documented) {
  const refs = linesOf(of.refs)
  const inputs = linesOf(of.inputs).map((line) => {
    const at = line.indexOf('=')
    return { label: line.slice(0, at).trim(), path: line.slice(at + 1).trim() }
  })
  return {
    document: of.document.trim(),
    ...(of.results.trim() !== '' && { results: of.results.trim() }),
    ...(of.format.trim() !== '' && { format: of.format.trim() }),
    ...(refs.length > 0 && { refs }),
    ...(inputs.length > 0 && { inputs }),
    ...(of.allowUnbound && { allowUnbound: true }),
  }
}

export function isWhole({ document, inputs }: Documented): boolean {
  return document.trim() !== '' && linesOf(inputs).every((line) => line.indexOf('=') > 0)
}

const linesOf = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

type Fields = ReturnType<typeof useDocumented> & { keepsResults?: boolean }

export function DocumentFields({ of, set, keepsResults = false }: Fields) {
  const isUnclear = of.inputs.trim() !== '' && !isWhole({ ...of, document: 'x' })
  return (
    <>
      <FolderField
        label="Document"
        what="a file, such as panel.json or align.ga"
        value={of.document}
        set={(document) => set({ document })}
      />
      <FolderField
        label="Results"
        what={
          keepsResults
            ? 'a folder with what it computed; those of the version before stay when it is empty'
            : 'a folder with what it computed; may stay empty'
        }
        optional
        value={of.results}
        set={(results) => set({ results })}
      />
      <details>
        <Text component="summary" size="sm">
          How the document is read
        </Text>
        <Stack gap="xs" mt="xs">
          <NativeSelect
            label="Format"
            value={['', 'json', 'galaxy', 'opaque'].includes(of.format) ? of.format : 'other'}
            data={[
              { value: '', label: 'found out from the document' },
              { value: 'json', label: 'json' },
              { value: 'galaxy', label: 'galaxy' },
              { value: 'opaque', label: 'opaque: bound as a whole' },
            ]}
            onChange={(event) => set({ format: event.currentTarget.value })}
          />
          <Textarea
            label="Further places"
            description="JSON Pointers to where it names its dataset, one a line, such as /source/id"
            autosize
            minRows={1}
            maxRows={8}
            value={of.refs}
            onChange={(event) => set({ refs: event.currentTarget.value })}
          />
          <Textarea
            label="Inputs"
            description="What each slot reads, one a line: image=plate 1/a.tif"
            autosize
            minRows={1}
            maxRows={8}
            value={of.inputs}
            error={isUnclear && 'Each line is LABEL=PATH.'}
            onChange={(event) => set({ inputs: event.currentTarget.value })}
          />
          <Checkbox
            label="Take it although it names other datasets"
            checked={of.allowUnbound}
            onChange={(event) => set({ allowUnbound: event.currentTarget.checked })}
          />
        </Stack>
      </details>
    </>
  )
}
