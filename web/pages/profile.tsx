import type { Told } from '../../api/routes.ts'
import { visible } from '../../api/words.ts'
import { NoticePreferences } from '../notices/notice-preferences.tsx'
import { Facts } from '../parts/facts.tsx'
import { Page, Part } from '../parts/page.tsx'
import { Connections } from '../profile/connections.tsx'
import { MyTokens } from '../profile/my-tokens.tsx'
import { MyName } from '../profile/name.tsx'
import { Password } from '../profile/password.tsx'
import { Sessions } from '../profile/sessions.tsx'

export function Profile({ site }: { site: Told<'site.show'> }) {
  const { you } = site
  return (
    <Page title="Profile">
      <Part title="Who you are">
        <Facts
          rows={[
            ['Name', <MyName key="name" now={you.name} />],
            ['E-mail', you.email],
            ['Role', you.role],
            ['Site', visible(site.name)],
            ['Fingerprint', site.fingerprint],
          ]}
        />
      </Part>
      <Connections me={you.email} />
      <NoticePreferences />
      <Password email={you.email} />
      <Sessions />
      <MyTokens isAdministrator={you.role === 'administrator'} />
    </Page>
  )
}
