import { Button } from '@mantine/core'
import { countText } from '../../api/words.ts'
import { leading } from '../address.tsx'
import { DatasetList, WorkflowList } from '../parts/catalog.tsx'
import { Facts } from '../parts/facts.tsx'
import { Answered, Page, Part } from '../parts/page.tsx'
import { Parts } from '../parts/parts.tsx'
import { When } from '../parts/when.tsx'
import { Deposit } from '../projects/deposit.tsx'
import { Members } from '../projects/members.tsx'
import { nameOf, type Project } from '../projects/words.ts'
import { useAsk } from '../site.ts'

export function ProjectPage({ id, you }: { id: number; you: string }) {
  const asked = useAsk('projects.show', { id })
  const title = asked.data === undefined ? `Project ${id}` : nameOf(asked.data, you)
  return (
    <Page
      title={title}
      aside={
        (asked.data?.role === 'owner' || asked.data?.role === 'member') && (
          <Button component="a" variant="default" {...leading(`/datasets/new#${id}`)}>
            New dataset
          </Button>
        )
      }
    >
      <Answered of={asked}>{(project) => <One of={project} you={you} />}</Answered>
    </Page>
  )
}

function One({ of, you }: { of: Project; you: string }) {
  const { role } = of
  const owns = role === 'owner'
  return (
    <>
      <Facts
        rows={[
          ['Project ID', of.id],
          ['Your role', role],
          ['Members', countText(of.members.length, 'person', 'people')],
          ['Made', <When key="made" at={of.createdAt} />],
        ]}
      />
      <Parts
        parts={[
          {
            id: 'datasets',
            name: 'Datasets',
            shows: () => (
              <Part title="Datasets in this project">
                <DatasetList
                  asked={{ project: of.id }}
                  empty={
                    role === 'viewer'
                      ? 'No dataset is in this project yet. Its members and owners add them.'
                      : 'No dataset is in this project yet. Make one with New dataset, above.'
                  }
                />
              </Part>
            ),
          },
          {
            id: 'workflows',
            name: 'Workflows',
            shows: () => (
              <Part title="Workflows in this project">
                <WorkflowList
                  asked={{ project: of.id }}
                  empty="No workflow is in this project yet. One is added on the page of its dataset, under Workflows."
                />
              </Part>
            ),
          },
          {
            id: 'members',
            name: 'Members',
            shows: () => <Members of={of} owns={owns} you={you} />,
          },
          {
            id: 'deposit',
            name: 'Deposit folder',
            shows: () => <Deposit of={of} owns={owns} />,
          },
        ]}
      />
    </>
  )
}
