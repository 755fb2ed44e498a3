import { Text } from '@mantine/core'
import { lazy, Suspense } from 'react'
import { durationText, sizeText } from '../../api/words.ts'
import { type Rates, rateSecondsMax, useRates } from '../rates.ts'

/** The drawing comes when something moves; its words and its place are there at once. */
const Curve = lazy(async () => ({ default: (await import('./curve.tsx')).Curve }))

/** The rate of the last minutes, drawn, and the same in words for whoever does not see it. */
export function RatePlot({ of, title }: { of: string; title: string }) {
  const rates = useRates(of)
  const words = ratesText(rates)
  return (
    <figure className="plot" aria-label={`${title}: rate of the last minutes`}>
      <div className="curve" aria-hidden="true">
        <Suspense>
          <Curve rates={rates} />
        </Suspense>
      </div>
      <Text component="figcaption" size="sm" c="dimmed" className="figures" mih="1.6em">
        {title}, {words}
      </Text>
    </figure>
  )
}

export function ratesText({ at, rate }: Rates): string {
  if (rate.length === 0) return `the last ${durationText(rateSecondsMax)}: nothing heard yet`
  const mean = rate.reduce((sum, one) => sum + one, 0) / rate.length
  const span = durationText(Math.max(1, at.at(-1)! - at[0]!))
  return `the last ${span}: now ${sizeText(rate.at(-1)!)}/s, on average ${sizeText(mean)}/s, at most ${sizeText(Math.max(...rate))}/s`
}
