import { Tabs } from '@mantine/core'
import { Groups } from '../administration/groups.tsx'
import { Hooks } from '../administration/hooks.tsx'
import { Journal } from '../administration/journal.tsx'
import { Links } from '../administration/links.tsx'
import { People } from '../administration/people.tsx'
import { Storage } from '../administration/storage.tsx'
import { Page } from '../parts/page.tsx'

export function Administration() {
  return (
    <Page title="Administration">
      <Tabs defaultValue="links" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="links">Links</Tabs.Tab>
          <Tabs.Tab value="people">People</Tabs.Tab>
          <Tabs.Tab value="groups">Groups</Tabs.Tab>
          <Tabs.Tab value="storage">Storage</Tabs.Tab>
          <Tabs.Tab value="hooks">Webhooks</Tabs.Tab>
          <Tabs.Tab value="journal">Journal</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="links" pt="md">
          <Links />
        </Tabs.Panel>
        <Tabs.Panel value="people" pt="md">
          <People />
        </Tabs.Panel>
        <Tabs.Panel value="groups" pt="md">
          <Groups />
        </Tabs.Panel>
        <Tabs.Panel value="storage" pt="md">
          <Storage />
        </Tabs.Panel>
        <Tabs.Panel value="hooks" pt="md">
          <Hooks />
        </Tabs.Panel>
        <Tabs.Panel value="journal" pt="md">
          <Journal />
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}
