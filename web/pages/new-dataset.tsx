/** Files from the reader's own machine become a dataset of the site. */
import { Button, Group, Paper, Progress, Stack, Text, TextInput } from '@mantine/core'
import {
  type DragEvent,
  type ReactNode,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { countText, groupText, sizeText, visible } from '../../api/words.ts'
import type { DatasetId, ProjectId } from '../../protocol/ids.ts'
import { useHash, Way } from '../address.tsx'
import { AddFolder, UpdateFromFolder } from '../dataset/from-folder.tsx'
import { Page, Part } from '../parts/page.tsx'
import { ProjectField } from '../parts/project-field.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAsk } from '../site.ts'
import { type Chosen, fromDrop, fromField, inOneFolder } from '../upload/chosen.ts'
import { type Into, type Sending, sending } from '../upload/sending.ts'

export function NewDataset() {
  const [name, setName] = useState('')
  // The project from whose page one comes.
  const from = useHash()
  const [project, setProject] = useState(from)
  const into = { name, ...(project === '' ? {} : { project: Number(project) as ProjectId }) }
  return (
    <Upload
      title="New dataset"
      address="/datasets/new"
      into={into}
      onFolder={(folder) => name === '' && setName(folder)}
      other={<AddFolder project={into.project} />}
    >
      {(isUnderWay) => (
        <>
          <TextInput
            label="Name"
            required
            maxLength={200}
            value={name}
            disabled={isUnderWay}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <ProjectField value={project} set={setProject} otherwise="My own" disabled={isUnderWay} />
        </>
      )}
    </Upload>
  )
}

/** The files of the next version are those that are chosen, and no others. */
export function NewVersion({ dataset }: { dataset: number }) {
  const asked = useAsk('datasets.show', { id: dataset })
  const name = asked.data === undefined ? `dataset ${dataset}` : visible(asked.data.name)
  return (
    <Upload
      title={`New version of ${name}`}
      address={`/datasets/${dataset}/new`}
      into={{ dataset }}
      other={<UpdateFromFolder dataset={dataset as DatasetId} />}
    >
      {() => (
        <Text size="sm" c="dimmed">
          It holds what you choose here, and nothing else. The versions before stay as they are.
        </Text>
      )}
    </Upload>
  )
}

type Uploading = {
  title: string
  address: string
  into: Into
  onFolder?: (name: string) => void
  /** Another way to the same. */
  other: ReactNode
  children: (isUnderWay: boolean) => ReactNode
}

function Upload({ title, address, into, onFolder, other, children }: Uploading) {
  const all = useSyncExternalStore(sending.listen, sending.now)
  const isBusy = all.at === 'sending' || all.at === 'making'
  const isElsewhere = isBusy && all.of !== address
  const now: Sending = all.of === address ? all : sending.nothing
  useLeaving(isBusy)

  function choose(chosen: Chosen[]) {
    const { name: folder, files } = inOneFolder(chosen)
    if (files.length === 0) return
    if (folder !== undefined) onFolder?.(folder)
    sending.choose(files, address)
  }
  return (
    <Page title={title}>
      {isElsewhere && all.of !== undefined && (
        <Text role="status">
          Other files are on their way. <Way to={all.of}>Look at them</Way>, and come back when they
          are there.
        </Text>
      )}
      <Part title="Files">
        <Stack gap="sm">
          <Chooser choose={choose} disabled={isBusy} />
          <Figures of={now} />
          {now.fault !== undefined && <Trouble fault={now.fault} />}
        </Stack>
      </Part>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          sending.start(into)
        }}
      >
        <Stack gap="sm">
          {children(isBusy)}
          <Acts now={now} />
        </Stack>
      </form>
      {!isBusy && other}
    </Page>
  )
}

function Acts({ now }: { now: Sending }) {
  if (now.at === 'made' && now.dataset !== undefined) {
    return (
      <Text role="status">
        All is there: <Way to={`/datasets/${now.dataset}`}>dataset {now.dataset}</Way>
      </Text>
    )
  }
  if (now.at === 'sending' || now.at === 'making') {
    return (
      <Group>
        {/* Another button than the one that comes in its place, or the same click would press that. */}
        <Button
          key="pause"
          variant="default"
          disabled={now.at === 'making'}
          onClick={() => void sending.pause()}
        >
          Pause
        </Button>
      </Group>
    )
  }
  return (
    <Group>
      <Button key="go" type="submit" disabled={now.files === 0}>
        {now.at === 'chosen' ? 'Upload' : 'Go on'}
      </Button>
    </Group>
  )
}

function Figures({ of }: { of: Sending }) {
  if (of.files === 0) {
    return (
      <Text size="sm" c="dimmed">
        Nothing is chosen yet. Folders keep their structure; empty folders stay behind.
      </Text>
    )
  }
  const percent = of.bytes === 0 ? 0 : Math.floor((of.bytesDone / of.bytes) * 100)
  const words = {
    chosen: 'Chosen',
    sending: 'On their way',
    paused: 'Paused; what has come stays at the site for seven days',
    making: 'All have come; the dataset is being made',
    made: 'Complete',
    failed: 'Stopped; what has come stays at the site for seven days',
  }
  return (
    <div>
      <Progress
        value={of.at === 'made' ? 100 : percent}
        aria-label={`Upload: ${percent}% there`}
        my={6}
      />
      <Text size="sm" className="figures" data-testid="figures">
        {groupText(of.filesDone)} of {countText(of.files, 'file')}, {sizeText(of.bytesDone)} of{' '}
        {sizeText(of.bytes)}
      </Text>
      <Text size="sm" role="status" mih="1.5em">
        {words[of.at]}
      </Text>
    </div>
  )
}

function Chooser({ choose, disabled }: { choose: (all: Chosen[]) => void; disabled: boolean }) {
  const [isOver, setOver] = useState(false)
  const [fault, setFault] = useState(false)
  const folder = useRef<HTMLInputElement>(null)
  const files = useRef<HTMLInputElement>(null)
  // React knows no such attribute of a field.
  useEffect(() => folder.current?.setAttribute('webkitdirectory', ''), [])
  function dropped(event: DragEvent) {
    event.preventDefault()
    setOver(false)
    if (disabled) return
    fromDrop(event.dataTransfer).then(choose, () => setFault(true))
  }
  const field = {
    type: 'file',
    multiple: true,
    hidden: true,
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => {
      choose(fromField(event.currentTarget.files ?? []))
      event.currentTarget.value = ''
    },
  } as const
  return (
    <Paper
      withBorder
      p="md"
      bg={isOver ? 'var(--mantine-color-default-hover)' : 'transparent'}
      style={{ borderStyle: 'dashed' }}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={dropped}
    >
      <Group>
        <Text size="sm">Drop a folder or files here, or</Text>
        <Button variant="default" disabled={disabled} onClick={() => folder.current?.click()}>
          Choose a folder
        </Button>
        <Button variant="default" disabled={disabled} onClick={() => files.current?.click()}>
          Choose files
        </Button>
      </Group>
      <input {...field} ref={folder} aria-label="A folder" />
      <input {...field} ref={files} aria-label="Single files" />
      {fault && (
        <Text size="sm" c="red" role="alert">
          What was dropped could not be read. Choose it with the buttons.
        </Text>
      )}
    </Paper>
  )
}

/** The browser asks before it closes a page from which files are on their way. */
function useLeaving(isUnderWay: boolean): void {
  useEffect(() => {
    if (!isUnderWay) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener('beforeunload', ask)
    return () => window.removeEventListener('beforeunload', ask)
  }, [isUnderWay])
}
