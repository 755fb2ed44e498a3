/** What a list of datasets or workflows leaves out for somebody, and in which order it goes. */
import type { ProjectId } from '../../protocol/ids.ts'
import { foldPath } from '../../protocol/paths.ts'
import type { ListOptions } from '../db/db.ts'
import type { CatalogAct, Person, Projects, Rights } from './projects.ts'

export type Narrowed = {
  /** Only in projects that I own. */
  readonly mine?: boolean | undefined
  readonly project?: ProjectId | undefined
  /** Only those whose name has this text, in capitals or not, or whose ID it is. */
  readonly search?: string | undefined
  /** The newest first, and what is older after it. */
  readonly newest?: boolean | undefined
}

type Named = { readonly id: number; readonly name: string; readonly project: ProjectId }

export async function narrow(
  { projects, rights }: { projects: Projects; rights: Rights },
  by: Person,
  act: CatalogAct,
  { mine = false, project, search }: Narrowed,
): Promise<(one: Named) => boolean> {
  const own = mine ? await projects.mine(by) : await projects.list(by)
  const visible = new Set(own.filter((one) => rights.may(by, act, one)).map(({ id }) => id))
  const isNamed = search === undefined ? () => true : namedBy(search)
  return (one) =>
    visible.has(one.project) && (project === undefined || one.project === project) && isNamed(one)
}

function namedBy(search: string): (one: Named) => boolean {
  const text = foldPath(search)
  return ({ id, name }) => String(id) === search || foldPath(name).includes(text)
}

export function pageOf({ newest = false }: Narrowed, after: ListOptions['after']): ListOptions {
  return { reverse: newest, ...(after === undefined ? {} : { after }) }
}
