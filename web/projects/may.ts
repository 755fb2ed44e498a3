import { useAsk } from '../site.ts'

/** What the reader may do in a project; nothing until that is known. */
export function useMay(project: number): { write: boolean; own: boolean } {
  const role = useAsk('projects.show', { id: project }).data?.role
  return { write: role === 'owner' || role === 'member', own: role === 'owner' }
}
