/**
 * An event as it travels: a CloudEvents 1.0 document in its structured JSON form, signed as Standard
 * Webhooks says, so that a receiver verifies it with any library of either.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { SiteId } from '../../protocol/ids.ts'

export type Envelope = {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** How a secret begins; what follows is base64. */
export const secretPrefix = 'whsec_'

export function envelope(o: {
  site: SiteId
  event: { readonly id: string; readonly type: string; readonly at: number; readonly data: object }
  secret: string
  /** When it is sent, which is part of what is signed: an old delivery cannot be played again later. */
  now: number
}): Envelope {
  const { id, type, at, data } = o.event
  assert(!id.includes('.'), 'what is signed is delimited by full stops')
  const body = JSON.stringify({
    specversion: '1.0',
    id,
    source: `crossload:${o.site}`,
    type: `crossload.${type}`,
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    data,
  })
  const timestamp = String(Math.floor(o.now / 1000))
  const key = Buffer.from(o.secret.slice(secretPrefix.length), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    body,
    headers: {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    },
  }
}
