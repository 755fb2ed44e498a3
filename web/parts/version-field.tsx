import { NativeSelect } from '@mantine/core'

type Field = {
  versions: readonly { version: number }[]
  value: number
  set: (version: number) => void
}

/** Which version: nothing is asked where there is only one. */
export function VersionField({ versions, value, set }: Field) {
  if (versions.length < 2) return null
  const newest = versions.at(-1)!.version
  return (
    <NativeSelect
      label="Version"
      w={180}
      data={versions.toReversed().map(({ version }) => ({
        value: String(version),
        label: version === newest ? `${version} (the newest)` : String(version),
      }))}
      value={String(value)}
      onChange={(event) => set(Number(event.currentTarget.value))}
    />
  )
}
