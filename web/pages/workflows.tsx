import { WorkflowList } from '../parts/catalog.tsx'
import { Page } from '../parts/page.tsx'

export function Workflows() {
  return (
    <Page title="Workflows">
      <WorkflowList empty="There is no workflow yet. Add one at the site’s machine with: crossload workflow add NAME DOCUMENT --dataset ID. What others send you appears here by itself." />
    </Page>
  )
}
