import { useAsk } from '../site.ts'
import { roleIn } from './words.ts'

/** What the reader may do in a project; nothing until that is known. */
export function useMay(project: number): { write: boolean; own: boolean } {
  const me = useAsk('site.show', {})
  const asked = useAsk('projects.show', { id: project })
  const role = asked.data && me.data && roleIn(asked.data, me.data.you.email)
  return { write: role === 'owner' || role === 'member', own: role === 'owner' }
}
