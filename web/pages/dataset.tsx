import { Button, Tabs, Text } from '@mantine/core'
import type { Told } from '../../api/routes.ts'
import { countText, sizeText, visible } from '../../api/words.ts'
import { leading } from '../address.tsx'
import { WorkflowList } from '../parts/catalog.tsx'
import { Facts } from '../parts/facts.tsx'
import { FileList } from '../parts/file-list.tsx'
import { Answered, Page, Part } from '../parts/page.tsx'
import { Versions } from '../parts/versions.tsx'
import { When } from '../parts/when.tsx'
import { Collaborators } from '../send/collaborators.tsx'
import type { Sending } from '../send/dialog.tsx'
import { useAsk } from '../site.ts'

export function DatasetPage({ id }: { id: number }) {
  const asked = useAsk('datasets.show', { id })
  return (
    <Page title={asked.data === undefined ? `Dataset ${id}` : visible(asked.data.name)}>
      <Answered of={asked}>{(dataset) => <Dataset of={dataset} />}</Answered>
    </Page>
  )
}

/** The most workflows of one transfer. */
const batchMax = 256

function Dataset({ of }: { of: Told<'datasets.show'> }) {
  const { id, name, deposit } = of
  const bound = useAsk('workflows.list', { dataset: id, mine: true, limit: batchMax })
  const workflows = (bound.data ?? []).map((one) => one.id)
  const files: Sending = { verb: 'Send Files', name, dataset: id, workflows: [], withFiles: true }
  const all = countText(workflows.length, 'WF')
  return (
    <>
      <Facts
        rows={[
          ['Dataset ID', id],
          ['Content', `${countText(of.files, 'file')}, ${sizeText(of.bytes)}`],
          ['Version', of.version],
          ['Changed', <When key="changed" at={of.changedAt} />],
          ['Files', of.inPlace ? 'left in place, where they were added' : undefined],
          ['Deposit folder', deposit && `${visible(deposit.folder)} (${deposit.state})`],
          ...Object.entries(of.meta).map(([key, value]) => [visible(key), visible(value)] as const),
        ]}
      />
      <Tabs defaultValue="files" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="files">Files</Tabs.Tab>
          <Tabs.Tab value="versions">Versions</Tabs.Tab>
          <Tabs.Tab value="workflows">Workflows</Tabs.Tab>
          <Tabs.Tab value="collaborators">Collaborators</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="files" pt="md">
          <Button
            component="a"
            href={`/api/datasets/${id}/archive`}
            download
            variant="default"
            mb="sm"
          >
            Download all as a tar
          </Button>
          <FileList dataset={id} />
        </Tabs.Panel>
        <Tabs.Panel value="versions" pt="md">
          <Button component="a" variant="default" mb="sm" {...leading(`/datasets/${id}/new`)}>
            New version
          </Button>
          <Versions of={of.versions} />
        </Tabs.Panel>
        <Tabs.Panel value="workflows" pt="md">
          <Part title="Workflows of this dataset">
            <WorkflowList
              asked={{ dataset: id }}
              empty="No workflow is bound to this dataset. Those that come with it or are added for it appear here."
            />
          </Part>
        </Tabs.Panel>
        <Tabs.Panel value="collaborators" pt="md">
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
          <Text size="sm" c="dimmed" mt="xs">
            One workflow alone is sent from its own page.
          </Text>
        </Tabs.Panel>
      </Tabs>
    </>
  )
}
