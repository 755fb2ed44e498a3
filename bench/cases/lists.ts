/** Lists of a hundred thousand rows in a browser: the first row, and the way down to the last. */
import { mkdir } from 'node:fs/promises'
import { ana, openSite } from '../../test/site.ts'
import { writeMany } from '../../test/trees.ts'
import { noBrowser, openConsole } from '../../test/web/console.ts'
import { multiply } from '../../test/web/many.ts'
import { type Scrolled, scrollDown } from '../../test/web/measures.ts'
import { type Case, type Found, type Row, Skipped } from '../case.ts'

const lists = ['datasets', 'files'] as const

const rowsOf = (list: string): Row[] => {
  const work = `a list of 100,000 ${list} in the console`
  return [
    {
      ...{ id: `lists.${list}.first`, work, measure: 'from the click to the first row' },
      ...{ least: 1000, aim: 300, better: 'less', unit: 'ms' },
    },
    {
      ...{ id: `lists.${list}.step`, work, measure: 'one scroll to what is there, until drawn' },
      ...{ least: 100, aim: 50, better: 'less', unit: 'ms' },
    },
  ]
}

export const listsCase: Case = {
  name: 'lists',
  long: true,
  rows: lists.flatMap(rowsOf),
  async run(bench) {
    if (noBrowser !== undefined) throw new Skipped(noBrowser)
    const count = bench.sized(100_000, 1000)
    const path = bench.scratch.fresh('plates')
    await mkdir(path)
    await writeMany(path, count, 16)
    await using oslo = await openSite('oslo')
    await (await oslo.as(ana)).call('datasets.add', { name: 'Plates', path })
    await multiply(oslo, count)
    await using web = await openConsole()
    const page = await web.open(oslo, ana)
    await page.getByRole('heading', { name: 'Activity' }).waitFor()
    const datasets = await scrollDown(page, {
      open: () => page.getByRole('link', { name: 'Datasets', exact: true }).click(),
      label: 'Datasets',
      until: count,
    })
    await page.getByRole('link', { name: 'Plates', exact: true }).click()
    const files = await scrollDown(page, {
      open: () => page.getByRole('tab', { name: 'Files' }).click(),
      label: 'Files',
      until: count,
    })
    bench.say(`  datasets: ${JSON.stringify(datasets)}; files: ${JSON.stringify(files)}`)
    return { ...foundOf('datasets', datasets), ...foundOf('files', files) }
  },
}

function foundOf(list: string, of: Scrolled): Found {
  const { firstRowMs, medianMs, worstMs, rowsMost, reached } = of
  const note = `${reached} rows, at most ${rowsMost} on the page at one time`
  const step = `${note}; the slowest ${worstMs.toFixed(0)} ms`
  return {
    [`lists.${list}.first`]: { value: firstRowMs, all: [firstRowMs], note },
    [`lists.${list}.step`]: { value: medianMs, all: [medianMs], note: step },
  }
}
