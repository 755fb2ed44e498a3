/**
 * How soon a person sees the console: largest contentful paint of two pages, with a browser whose
 * processor is made four times slower and which has nothing of the site in its cache.
 */
import { ana, openSite } from '../../test/site.ts'
import { noBrowser } from '../../test/web/console.ts'
import { type Kind, openPaints } from '../../test/web/measures.ts'
import { type Case, type Found, type Row, Skipped } from '../case.ts'
import { median } from '../median.ts'

const slowDown = 4
const kinds: readonly Kind[] = ['login', 'activity']

const rowOf = (kind: Kind): Row => ({
  id: `paint.${kind}`,
  work: `the console’s page ${kind}, nothing cached, processor made 4× slower`,
  measure: 'largest contentful paint on loopback',
  least: 1000,
  aim: 500,
  better: 'less',
  unit: 'ms',
})

export const paint: Case = {
  name: 'paint',
  rows: kinds.map(rowOf),
  async run(bench) {
    if (noBrowser !== undefined) throw new Skipped(noBrowser)
    await using oslo = await openSite('oslo')
    await oslo.as(ana)
    await using paints = await openPaints(oslo, { slowDown })
    const found: Record<string, Found[string]> = {}
    for (const kind of kinds) {
      const all: number[] = []
      let what = ''
      // The first makes the site read its bundle from the disk, and is told with the others.
      for (let run = 0; run < bench.pairs * 2; run++) {
        const one = await paints.measure(kind)
        all.push(one.largestMs)
        what = one.what
      }
      const [least, most] = [Math.min(...all), Math.max(...all)]
      const note = `${least.toFixed(0)} to ${most.toFixed(0)} ms; it is “${what.slice(0, 40)}”`
      bench.say(`  ${kind}: ${median(all).toFixed(0)} ms, ${note}`)
      found[`paint.${kind}`] = { value: median(all), all, note }
    }
    return found
  },
}
