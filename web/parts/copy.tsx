import { Button, VisuallyHidden } from '@mantine/core'
import { useState } from 'react'

/** A button that copies a text and says whether it did. */
export function Copy({ text, what, verb = 'Copy' }: { text: string; what: string; verb?: string }) {
  const [state, setState] = useState<'ready' | 'copied' | 'failed'>('ready')
  return (
    <Button
      size="compact-xs"
      variant="default"
      onClick={() => void copy(text).then((done) => setState(done ? 'copied' : 'failed'))}
      onBlur={() => setState('ready')}
    >
      <span aria-live="polite">
        {{ ready: verb, copied: 'Copied', failed: 'Select and copy by hand' }[state]}
      </span>
      <VisuallyHidden>&nbsp;{what}</VisuallyHidden>
    </Button>
  )
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // Sites on a plain http address have no clipboard of this kind; the older way still works there.
    const field = document.createElement('textarea')
    field.value = text
    document.body.append(field)
    field.select()
    const done = document.execCommand('copy')
    field.remove()
    return done
  }
}
