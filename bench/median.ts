/** Pairs in turn, and what is made of them: medians of ratios, never ratios of medians. */
import type { Measured } from './case.ts'
import type { Cost } from './cost.ts'

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Each side once a round, in the order given: A B A B. What slows the machine slows both. */
export async function inTurn<K extends string>(
  rounds: number,
  sides: Readonly<Record<K, (round: number) => Promise<Cost>>>,
  say: (text: string) => void,
): Promise<Record<K, Cost[]>> {
  const names = Object.keys(sides) as K[]
  const costs = Object.fromEntries(names.map((name) => [name, [] as Cost[]])) as Record<K, Cost[]>
  for (let round = 0; round < rounds; round++) {
    const told: string[] = []
    for (const name of names) {
      const cost = await sides[name](round)
      costs[name].push(cost)
      told.push(`${name} ${cost.wall.toFixed(2)} s, ${cost.cpu.toFixed(2)} CPU s`)
    }
    say(`  ${round + 1}/${rounds}: ${told.join('; ')}`)
  }
  return costs
}

export function ratios(
  over: readonly Cost[],
  under: readonly Cost[],
  of: 'wall' | 'cpu',
  note: string,
): Measured {
  const all = over.map((cost, i) => cost[of] / under[i]![of])
  return { value: median(all), all, note }
}

export const medianOf = (costs: readonly Cost[], of: 'wall' | 'cpu') =>
  median(costs.map((cost) => cost[of]))

/** "ours 4.10 s, rsync 5.20 s" */
export function sides(
  costs: Readonly<Record<string, readonly Cost[]>>,
  of: 'wall' | 'cpu',
): string {
  const unit = of === 'wall' ? 's' : 'CPU s'
  return Object.entries(costs)
    .map(([name, all]) => `${name} ${medianOf(all, of).toFixed(2)} ${unit}`)
    .join(', ')
}
