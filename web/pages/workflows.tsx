import { Button } from '@mantine/core'
import { leading } from '../address.tsx'
import { WorkflowList } from '../parts/catalog.tsx'
import { Page } from '../parts/page.tsx'

export function Workflows() {
  return (
    <Page
      title="Workflows"
      aside={
        <Button component="a" variant="default" {...leading('/workflows/new')}>
          New workflow
        </Button>
      }
    >
      <WorkflowList empty="There is no workflow yet. Make one with New workflow, of a document that lies at the site’s machine. What others send you appears here by itself." />
    </Page>
  )
}
