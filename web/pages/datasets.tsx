import { DatasetList } from '../parts/catalog.tsx'
import { Page } from '../parts/page.tsx'

export function Datasets() {
  return (
    <Page title="Datasets">
      <DatasetList empty="There is no dataset yet. Add a folder at the site’s machine with: crossload dataset add NAME PATH. What others send you appears here by itself." />
    </Page>
  )
}
