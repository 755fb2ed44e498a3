import { Tabs } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { countText, sizeText, visible } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { Facts } from '../parts/facts.tsx'
import { Answered, Empty, Page } from '../parts/page.tsx'
import { Row, Rows } from '../parts/rows.tsx'
import { Versions } from '../parts/versions.tsx'
import { When } from '../parts/when.tsx'
import { Collaborators } from '../send/collaborators.tsx'
import { useAsk } from '../site.ts'

export function WorkflowPage({ id }: { id: number }) {
  const asked = useAsk('workflows.show', { id })
  return (
    <Page title={asked.data === undefined ? `Workflow ${id}` : visible(asked.data.name)}>
      <Answered of={asked}>{(workflow) => <Workflow of={workflow} />}</Answered>
    </Page>
  )
}

function Workflow({ of }: { of: Told<'workflows.show'> }) {
  const { id, name, dataset, inputs } = of
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
          ['Changed', <When key="changed" at={of.changedAt} />],
        ]}
      />
      <Tabs defaultValue="inputs" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="inputs">Inputs</Tabs.Tab>
          <Tabs.Tab value="versions">Versions</Tabs.Tab>
          <Tabs.Tab value="collaborators">Collaborators</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="inputs" pt="md">
          {inputs.length === 0 ? (
            <Empty>It names no file of its dataset; it is bound to the dataset as a whole.</Empty>
          ) : (
            <Rows label="Inputs">
              {inputs.map(({ label, path }) => (
                <Row key={`${label} ${path}`}>
                  {visible(label)}: {visible(path)}
                </Row>
              ))}
            </Rows>
          )}
        </Tabs.Panel>
        <Tabs.Panel value="versions" pt="md">
          <Versions of={of.versions} />
        </Tabs.Panel>
        <Tabs.Panel value="collaborators" pt="md">
          <Collaborators
            project={of.project}
            mine={of.mine}
            offers={[
              { ...sending, verb: 'Send WF & Files', withFiles: true },
              { ...sending, verb: 'Send WF', withFiles: false },
            ]}
          />
        </Tabs.Panel>
      </Tabs>
    </>
  )
}
