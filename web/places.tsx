/** The rooms of the console, and which page an address is. */
import { type ComponentType, lazy, type ReactNode } from 'react'
import type { Told } from '../api/routes.ts'
import { Way } from './address.tsx'
import { Activity } from './pages/activity.tsx'
import { Empty, Page } from './parts/page.tsx'

/** All but the home page come when they are opened. */
const later = <P extends object>(load: () => Promise<ComponentType<P>>) =>
  lazy(async () => ({ default: await load() }))

const Administration = later(
  async () => (await import('./pages/administration.tsx')).Administration,
)
const DatasetPage = later(async () => (await import('./pages/dataset.tsx')).DatasetPage)
const Datasets = later(async () => (await import('./pages/datasets.tsx')).Datasets)
const NewDataset = later(async () => (await import('./pages/new-dataset.tsx')).NewDataset)
const NewVersion = later(async () => (await import('./pages/new-dataset.tsx')).NewVersion)
const NewWorkflow = later(async () => (await import('./pages/new-workflow.tsx')).NewWorkflow)
const Notices = later(async () => (await import('./pages/notices.tsx')).Notices)
const Profile = later(async () => (await import('./pages/profile.tsx')).Profile)
const ProjectPage = later(async () => (await import('./pages/project.tsx')).ProjectPage)
const Projects = later(async () => (await import('./pages/projects.tsx')).Projects)
const TransferPage = later(async () => (await import('./pages/transfer.tsx')).TransferPage)
const Transfers = later(async () => (await import('./pages/transfers.tsx')).Transfers)
const WorkflowPage = later(async () => (await import('./pages/workflow.tsx')).WorkflowPage)
const Workflows = later(async () => (await import('./pages/workflows.tsx')).Workflows)

export const rooms = [
  { path: '/', name: 'Activity', administrators: false },
  { path: '/datasets', name: 'Datasets', administrators: false },
  { path: '/workflows', name: 'Workflows', administrators: false },
  { path: '/projects', name: 'Projects', administrators: false },
  { path: '/transfers', name: 'Transfer history', administrators: false },
  { path: '/profile', name: 'Profile', administrators: false },
  { path: '/administration', name: 'Administration', administrators: true },
] as const

export function placeOf(address: string, site: Told<'site.show'>): ReactNode {
  const [, room = '', id, more] = address.split('/')
  const number = id !== undefined && /^[1-9][0-9]{0,14}$/.test(id) ? Number(id) : undefined
  if (room === '' || room === 'login') return <Activity site={site} />
  if (room === 'datasets' && id === undefined) return <Datasets />
  if (room === 'datasets' && id === 'new') return <NewDataset />
  if (room === 'datasets' && number !== undefined && more === 'new')
    return <NewVersion key={id} dataset={number} />
  if (room === 'datasets' && number !== undefined) return <DatasetPage key={id} id={number} />
  if (room === 'workflows' && id === undefined) return <Workflows />
  if (room === 'workflows' && id === 'new') return <NewWorkflow />
  if (room === 'workflows' && number !== undefined) return <WorkflowPage key={id} id={number} />
  if (room === 'transfers' && id === undefined) return <Transfers />
  if (room === 'transfers' && id !== undefined) return <TransferPage key={id} id={id} />
  if (room === 'projects' && id === undefined) return <Projects you={site.you.email} />
  if (room === 'projects' && number !== undefined)
    return <ProjectPage key={id} id={number} you={site.you.email} />
  if (room === 'notices') return <Notices />
  if (room === 'profile') return <Profile site={site} />
  if (room === 'administration' && site.you.role === 'administrator') return <Administration />
  return (
    <Page title="There is nothing here">
      <Empty>
        No page of this site has this address, or it is for administrators. Go to{' '}
        <Way to="/">Activity</Way>.
      </Empty>
    </Page>
  )
}
