/**
 * What the process is as a whole: memory, CPU, open files, how late the event loop turns. One registry
 * for the process, however many sites a test opens in it.
 */
import { collectDefaultMetrics, Registry } from 'prom-client'

/** Gauges whose names end as only a counter's may: `promtool check metrics` refuses them. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  'nodejs_active_handles',
  'nodejs_active_requests',
  'nodejs_active_resources',
]

let registry: Registry | undefined

export function processRegistry(): Registry {
  if (registry !== undefined) return registry
  registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of misnamed) registry.removeSingleMetric(name)
  return registry
}
