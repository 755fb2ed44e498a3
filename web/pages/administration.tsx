import { Backup } from '../administration/backup.tsx'
import { Groups } from '../administration/groups.tsx'
import { Hooks } from '../administration/hooks.tsx'
import { Journal } from '../administration/journal.tsx'
import { Limits } from '../administration/limits.tsx'
import { Links } from '../administration/links.tsx'
import { Mail } from '../administration/mail.tsx'
import { People } from '../administration/people.tsx'
import { Server } from '../administration/server.tsx'
import { Storage } from '../administration/storage.tsx'
import { Page } from '../parts/page.tsx'
import { Parts } from '../parts/parts.tsx'

const parts = [
  { id: 'links', name: 'Links', shows: () => <Links /> },
  { id: 'people', name: 'People', shows: () => <People /> },
  { id: 'groups', name: 'Groups', shows: () => <Groups /> },
  { id: 'limits', name: 'Limits', shows: () => <Limits /> },
  { id: 'storage', name: 'Storage', shows: () => <Storage /> },
  { id: 'backup', name: 'Backup', shows: () => <Backup /> },
  { id: 'hooks', name: 'Webhooks', shows: () => <Hooks /> },
  { id: 'mail', name: 'Mail', shows: () => <Mail /> },
  { id: 'journal', name: 'Journal', shows: () => <Journal /> },
  { id: 'site', name: 'Site and settings', shows: () => <Server /> },
]

export function Administration() {
  return (
    <Page title="Administration">
      <Parts parts={parts} />
    </Page>
  )
}
