import { Stack } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { countText, sizeText, visible } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { Facts } from '../parts/facts.tsx'
import { Answered, Empty, Page } from '../parts/page.tsx'
import { Parts } from '../parts/parts.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Versions } from '../parts/versions.tsx'
import { When } from '../parts/when.tsx'
import { useMay } from '../projects/may.ts'
import { Collaborators } from '../send/collaborators.tsx'
import { useAsk } from '../site.ts'
import { Export, Remove, Update } from '../workflow/manage.tsx'

export function WorkflowPage({ id }: { id: number }) {
  const asked = useAsk('workflows.show', { id })
  return (
    <Page title={asked.data === undefined ? `Workflow ${id}` : visible(asked.data.name)}>
      <Answered of={asked}>{(workflow) => <Workflow of={workflow} />}</Answered>
    </Page>
  )
}

function Workflow({ of }: { of: Told<'workflows.show'> }) {
  const { id, name, dataset, inputs, project } = of
  const may = useMay(project)
  const sending = { name, dataset, workflows: [id] }
  return (
    <>
      <Facts
        rows={[
          ['Workflow ID', id],
          ['Format', visible(of.format)],
          [
            'Bound to',
            <span key="dataset">
              <Way to={`/datasets/${dataset}`}>dataset {dataset}</Way>, version {of.datasetVersion}
            </span>,
          ],
          ['Document and results', `${countText(of.files, 'file')}, ${sizeText(of.bytes)}`],
          ['Version', of.version],
          [
            'Project',
            <Way key="project" to={`/projects/${project}`}>
              project {project}
            </Way>,
          ],
          ['Changed', <When key="changed" at={of.changedAt} />],
        ]}
      />
      <Parts
        parts={[
          { id: 'inputs', name: 'Inputs', shows: () => <Inputs of={inputs} /> },
          { id: 'versions', name: 'Versions', shows: () => <Versions of={of.versions} /> },
          {
            id: 'collaborators',
            name: 'Collaborators',
            shows: () => (
              <Collaborators
                project={of.project}
                mine={of.mine}
                offers={[
                  { ...sending, verb: 'Send WF & Files', withFiles: true },
                  { ...sending, verb: 'Send WF', withFiles: false },
                ]}
              />
            ),
          },
          {
            id: 'manage',
            name: 'Manage',
            shows: () => (
              <Stack>
                <Export of={of} />
                {may.write && <Update of={of} />}
                {may.own && <Remove of={of} />}
              </Stack>
            ),
          },
        ]}
      />
    </>
  )
}

function Inputs({ of }: { of: Told<'workflows.show'>['inputs'] }) {
  if (of.length === 0) {
    return <Empty>It names no file of its dataset; it is bound to the dataset as a whole.</Empty>
  }
  return (
    <Rows label="Inputs">
      {of.map(({ label, path }) => (
        <Row key={`${label} ${path}`}>
          {visible(label)}: {visible(path)}
        </Row>
      ))}
    </Rows>
  )
}
