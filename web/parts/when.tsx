/** Made when it is first needed: a browser takes its time to look up how dates are written. */
let shown: Intl.DateTimeFormat | undefined

/** An instant in the reader's zone; UTC for whoever points at it. */
export function When({ at }: { at: string }) {
  shown ??= new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
  const utc = `${at.slice(0, 19).replace('T', ' ')} UTC`
  return (
    <time dateTime={at} title={utc}>
      {shown.format(new Date(at))}
    </time>
  )
}
