const shown = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** An instant in the reader's zone; UTC for whoever points at it. */
export function When({ at }: { at: string }) {
  const utc = `${at.slice(0, 19).replace('T', ' ')} UTC`
  return (
    <time dateTime={at} title={utc}>
      {shown.format(new Date(at))}
    </time>
  )
}
