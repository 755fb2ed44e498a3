import { Stack } from '@mantine/core'
import { Part } from '../parts/page.tsx'
import { useAct, useAsk } from '../site.ts'
import { MakeToken, TokenList } from './tokens.tsx'

/** What programs of mine show instead of my password. */
export function MyTokens({ isAdministrator }: { isAdministrator: boolean }) {
  const asked = useAsk('tokens.list', {})
  const add = useAct('tokens.add', ['tokens.list'])
  const end = useAct('tokens.remove', ['tokens.list'])
  return (
    <Part title="API tokens">
      <Stack gap="sm">
        <TokenList asked={asked} remove={{ ...end, mutate: (token) => end.mutate({ token }) }} />
        <MakeToken withMetrics={isAdministrator} make={add} />
      </Stack>
    </Part>
  )
}
