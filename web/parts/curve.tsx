import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { sizeText } from '../../api/words.ts'
import { type Rates, rateSecondsMax } from '../rates.ts'

const heightPixels = 120
/** A line for each minute, named as the reader's own clock names it. */
const lineSeconds = 60
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })

/** A line of rates over time, as wide as its place, in the colours of the page. */
export function Curve({ rates }: { rates: Rates }) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const shade = useComputedColorScheme('light')
  const drawn = useRef(rates)
  drawn.current = rates
  useEffect(() => {
    const { current } = place
    if (current === null) return
    const made = new uPlot(optionsOf(current, shade === 'dark'), dataOf(drawn.current), current)
    plot.current = made
    const watch = new ResizeObserver(() =>
      made.setSize({ width: current.clientWidth, height: heightPixels }),
    )
    watch.observe(current)
    return () => {
      watch.disconnect()
      made.destroy()
    }
  }, [shade])
  useEffect(() => plot.current?.setData(dataOf(rates)), [rates])
  return <div ref={place} />
}

const dataOf = ({ at, rate }: Rates): uPlot.AlignedData => [[...at], [...rate]]

/** Up to the newest point, and before there is one up to now. */
const lastMinutes = (newest: number | null): [number, number] => {
  const end = newest ?? Date.now() / 1000
  return [end - rateSecondsMax, end]
}

function optionsOf(place: HTMLElement, isDark: boolean): uPlot.Options {
  const color = (name: string) => getComputedStyle(place).getPropertyValue(name)
  const ink = color('--mantine-color-dimmed')
  const grid = { stroke: color('--mantine-color-default-border'), width: 1 }
  const line = color(isDark ? '--mantine-color-teal-4' : '--mantine-color-teal-9')
  const font = '12px system-ui, sans-serif'
  const axis = { stroke: ink, grid, ticks: grid, font }
  return {
    width: place.clientWidth,
    height: heightPixels,
    padding: [null, 24, null, null],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      // Always the same span, so that what is drawn moves evenly and does not stretch.
      x: { range: (_plot, _min, max) => lastMinutes(max) },
      y: { range: (_plot, _min, max) => [0, Math.max((max ?? 0) * 1.1, 1000)] },
    },
    axes: [
      {
        ...axis,
        incrs: [lineSeconds, 2 * lineSeconds, 5 * lineSeconds],
        space: 70,
        values: (_plot, all) => all.map((n) => clock.format(n * 1000)),
      },
      { ...axis, size: 74, values: (_plot, all) => all.map((n) => `${sizeText(n)}/s`) },
    ],
    series: [{}, { stroke: line, fill: `${line}22`, width: 2, points: { show: false } }],
  }
}
