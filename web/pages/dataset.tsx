import { Button, Group, Stack, Text } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { countText, sizeText, visible } from '../../api/words.ts'
import { leading, Way } from '../address.tsx'
import { Check } from '../dataset/check.tsx'
import { Content } from '../dataset/content.tsx'
import { Export } from '../dataset/export.tsx'
import { Meta } from '../dataset/meta.tsx'
import { Remove } from '../dataset/remove.tsx'
import { WorkflowList } from '../parts/catalog.tsx'
import { DepositState } from '../parts/deposit-state.tsx'
import { Facts } from '../parts/facts.tsx'
import { Answered, Page, Part } from '../parts/page.tsx'
import { Parts } from '../parts/parts.tsx'
import { Versions } from '../parts/versions.tsx'
import { When } from '../parts/when.tsx'
import { useMay } from '../projects/may.ts'
import { Collaborators } from '../send/collaborators.tsx'
import type { Sending } from '../send/dialog.tsx'
import { useAsk } from '../site.ts'

type Dataset = Told<'datasets.show'>

export function DatasetPage({ id }: { id: number }) {
  const asked = useAsk('datasets.show', { id })
  return (
    <Page title={asked.data === undefined ? `Dataset ${id}` : visible(asked.data.name)}>
      <Answered of={asked}>{(dataset) => <One of={dataset} />}</Answered>
    </Page>
  )
}

function One({ of }: { of: Dataset }) {
  const { id, name, project, deposit } = of
  const may = useMay(project)
  return (
    <>
      <Facts
        rows={[
          ['Dataset ID', id],
          ['Content', `${countText(of.files, 'file')}, ${sizeText(of.bytes)}`],
          ['Version', of.version],
          ['Changed', <When key="changed" at={of.changedAt} />],
          [
            'Project',
            <Way key="project" to={`/projects/${project}`}>
              project {project}
            </Way>,
          ],
          ['Files', of.inPlace ? 'left in place, where they were added' : undefined],
          ['Deposit folder', deposit && <DepositState key="deposit" of={deposit} />],
          ...Object.entries(of.meta).map(([key, value]) => [visible(key), visible(value)] as const),
        ]}
      />
      <Parts
        parts={[
          { id: 'files', name: 'Files', shows: () => <Content key={of.version} of={of} /> },
          {
            id: 'versions',
            name: 'Versions',
            shows: () => (
              <>
                {may.write && (
                  <Button
                    component="a"
                    variant="default"
                    mb="sm"
                    {...leading(`/datasets/${id}/new`)}
                  >
                    New version
                  </Button>
                )}
                <Versions of={of.versions} />
              </>
            ),
          },
          {
            id: 'workflows',
            name: 'Workflows',
            shows: () => <Workflows of={of} writes={may.write} />,
          },
          { id: 'collaborators', name: 'Collaborators', shows: () => <Sends of={of} /> },
          {
            id: 'manage',
            name: 'Manage',
            shows: () => (
              <Stack>
                <Meta id={id} meta={of.meta} writes={may.write} />
                <Export of={of} />
                <Check of={of} />
                {may.own && <Remove id={id} name={visible(name)} />}
              </Stack>
            ),
          },
        ]}
      />
    </>
  )
}

function Workflows({ of, writes }: { of: Dataset; writes: boolean }) {
  return (
    <Part
      title="Workflows of this dataset"
      aside={
        writes && (
          <Button component="a" variant="default" size="xs" {...leading(`/workflows/new#${of.id}`)}>
            New workflow
          </Button>
        )
      }
    >
      <WorkflowList
        asked={{ dataset: of.id }}
        empty="No workflow is bound to this dataset. Those that come with it or are added for it appear here."
      />
    </Part>
  )
}

/** The most workflows of one transfer. */
const batchMax = 256

function Sends({ of }: { of: Dataset }) {
  const { id, name } = of
  const bound = useAsk('workflows.list', { dataset: id, mine: true, limit: batchMax })
  const workflows = (bound.data ?? []).map((one) => one.id)
  const files: Sending = { verb: 'Send Files', name, dataset: id, workflows: [], withFiles: true }
  const all = countText(workflows.length, 'WF')
  return (
    <>
      <Collaborators
        project={of.project}
        mine={of.mine}
        offers={
          workflows.length === 0
            ? [files]
            : [
                files,
                { ...files, verb: `Send ${all} & Files`, workflows },
                { ...files, verb: `Send ${all}`, workflows, withFiles: false },
              ]
        }
      />
      <Group mt="xs">
        <Text size="sm" c="dimmed">
          One workflow alone is sent from its own page, and several that you tick from the list
          under Workflows.
        </Text>
      </Group>
    </>
  )
}
