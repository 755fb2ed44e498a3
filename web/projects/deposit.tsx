import { Button, Checkbox, Group, Stack, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { visible } from '../../api/words.ts'
import { DepositState } from '../parts/deposit-state.tsx'
import { Facts } from '../parts/facts.tsx'
import { FolderField } from '../parts/folder-field.tsx'
import { Answered, Empty, Part } from '../parts/page.tsx'
import { Sure } from '../parts/sure.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useAct, useAsk } from '../site.ts'
import type { Project } from './words.ts'

const changes = ['projects.list', 'projects.show', 'datasets.show'] as const

/** Where what arrives in a project is laid out as ordinary files, for programs that know nothing of Crossload. */
export function Deposit({ of, owns }: { of: Project; owns: boolean }) {
  const { id, deposit } = of
  const end = useAct('projects.remove-deposit', changes)
  return (
    <Stack>
      <Part title="Deposit folder">
        {deposit === undefined ? (
          <Empty>
            What arrives in this project stays in the site’s store. With a deposit folder each
            dataset that arrives is laid out there as ordinary files too, in a folder of its own.
            {!owns && ' An owner of the project can name one.'}
          </Empty>
        ) : (
          <>
            <Facts
              rows={[
                ['Folder', visible(deposit.folder)],
                [
                  'Large files',
                  deposit.link
                    ? 'second names of the site’s own copies'
                    : 'shared blocks where the disk can, else copies',
                ],
              ]}
            />
            {owns && (
              <Group mt="sm">
                <Sure
                  verb="End"
                  what="the deposit folder"
                  says="What lies there stays; nothing more is laid out."
                  busy={end.isPending}
                  act={() => end.mutate({ id })}
                />
              </Group>
            )}
            {end.error && <Trouble fault={end.error} />}
          </>
        )}
      </Part>
      {deposit !== undefined && <Last project={id} />}
      {owns && <Name key={deposit?.folder} of={of} />}
    </Stack>
  )
}

/** Datasets whose state is shown: the newest of the project. */
const shownMax = 5

function Last({ project }: { project: number }) {
  const asked = useAsk('datasets.list', { project, newest: true, limit: shownMax })
  return (
    <Part title="Its state">
      <Answered of={asked}>
        {(all) =>
          all.length === 0 ? (
            <Empty>Nothing has arrived yet.</Empty>
          ) : (
            <>
              <Text size="sm" c="dimmed">
                The newest datasets of the project. What is made here is not laid out, only what
                another site sends.
              </Text>
              {all.map((one) => (
                <OfDataset key={one.id} id={one.id} name={one.name} />
              ))}
            </>
          )
        }
      </Answered>
    </Part>
  )
}

function OfDataset({ id, name }: { id: number; name: string }) {
  const asked = useAsk('datasets.show', { id })
  const { deposit } = asked.data ?? {}
  return (
    <Facts
      rows={[
        [
          `Dataset ${id}: ${visible(name)}`,
          deposit === undefined ? 'not laid out' : <DepositState key="state" of={deposit} />,
        ],
      ]}
    />
  )
}

function Name({ of }: { of: Project }) {
  const [folder, setFolder] = useState(of.deposit?.folder ?? '')
  const [link, setLink] = useState(of.deposit?.link ?? false)
  const set = useAct('projects.set-deposit', changes)
  function submit(event: FormEvent) {
    event.preventDefault()
    set.mutate({ id: of.id, folder: folder.trim(), link })
  }
  return (
    <Part title={of.deposit === undefined ? 'Name a folder' : 'Name another folder'}>
      <form onSubmit={submit}>
        <Stack gap="xs">
          <FolderField
            label="Folder"
            what="one that is there and that the site can write"
            value={folder}
            set={setFolder}
          />
          <Checkbox
            label="Large files as second names (hard links) of the site’s own copies"
            description="They take no room where the folder is on the disk of the store. But whoever may write there as the site’s account can change the site’s copy with them."
            checked={link}
            onChange={(event) => setLink(event.currentTarget.checked)}
          />
          {set.error && <Trouble fault={set.error} />}
          <Group>
            <Button type="submit" loading={set.isPending}>
              Lay out what arrives there
            </Button>
          </Group>
        </Stack>
      </form>
    </Part>
  )
}
