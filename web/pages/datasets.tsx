import { Button } from '@mantine/core'
import { leading } from '../address.tsx'
import { DatasetList } from '../parts/catalog.tsx'
import { Page } from '../parts/page.tsx'

export function Datasets() {
  return (
    <Page
      title="Datasets"
      aside={
        <Button component="a" variant="default" {...leading('/datasets/new')}>
          New dataset
        </Button>
      }
    >
      <DatasetList empty="There is no dataset yet. Make a new one of files on your own machine, or add a folder at the site’s machine with: crossload dataset add NAME PATH. What others send you appears here by itself." />
    </Page>
  )
}
