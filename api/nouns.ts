/**
 * What the rows of the table are about, a sentence for each noun: the chapters of the OpenAPI document.
 * A row of a new noun does not compile until it stands here.
 */
import type { RouteName } from './routes.ts'

type Noun<N extends string = RouteName> = N extends `${infer First}.${string}` ? First : never

export const nouns: Record<Noun, string> = {
  site: 'The site as a whole: who it is, how it is, its backup and the space it holds.',
  journal: 'The chain of records that is the truth about this site, and who did what.',
  login: 'How a person is known here whom their institution knows.',
  session: 'How a person in a browser comes in, and goes out again.',
  people: 'The accounts of this site.',
  tokens: 'What programs of mine show instead of a password.',
  groups: 'People who are given rights together; only administrators change them.',
  links: 'Other sites, and what is agreed with them.',
  connections: 'People at other sites with whom I exchange data.',
  projects: 'Where datasets and workflows live, and who may do what there.',
  datasets: 'Files under one name, in versions that never change.',
  workflows: 'Analyses of datasets, with their results.',
  transfers: 'Datasets and workflows on their way, out and in.',
  limits: 'How fast content may move, and when.',
  hooks: 'Addresses of other programs that are told what happens here.',
  notices: 'What happened that concerns the asker, and how they want to hear of it.',
  mail: 'The mail that this site sends to its people.',
  holds: 'Datasets whose content must stay, whatever becomes of their records.',
}
