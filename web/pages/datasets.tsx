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
      <DatasetList empty="There is no dataset yet. Make one with New dataset, of files on your own machine or at the site’s. What others send you appears here by itself." />
    </Page>
  )
}
