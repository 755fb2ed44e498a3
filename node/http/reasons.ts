/** Why a question could not be read, by the code of what was thrown: what Node's and Fastify's own readers refuse. */
import { Fault } from '../../protocol/fault.ts'

export type Unreadable = { readonly fault: Fault; readonly status: number }

const reasons = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    text: 'The question did not arrive whole in time. Ask again, on a better line or with less.',
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    text: 'The headers of the question are too large. Delete the cookies of this site and ask again.',
  },
  FST_ERR_MAX_PARAM_LENGTH: {
    status: 414,
    text: 'A name or an ID in the address is too long. Check the address.',
  },
  FST_ERR_BAD_URL: {
    status: 400,
    text: 'The address cannot be read: a % in it is followed by what is no character. Check it.',
  },
  FST_ERR_CTP_BODY_TOO_LARGE: {
    status: 413,
    text: 'The body is larger than this question may have. Ask with less at once.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    text: 'A body is JSON in UTF-8 and not packed. Send it so, with Content-Type: application/json.',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    status: 400,
    text: 'The body is not as long as its Content-Length says. Send all of it.',
  },
  BODY_CHANGED: {
    status: 400,
    text: 'The body that came is not the one whose Content-Digest was said. Nothing was done; ask again.',
  },
} as const satisfies Record<string, { status: number; text: string }>
const noHttp = {
  status: 400,
  text: 'This is no question that a site understands. Ask over HTTP/1.1.',
}

/** Our own reader's refusal, told like those of the others. */
export class Unread extends Error {
  readonly code: keyof typeof reasons

  constructor(code: keyof typeof reasons) {
    super(code)
    this.code = code
  }
}

/** Which of these it was; undefined for everything that is no matter of reading. */
export function unreadable(code: unknown): Unreadable | undefined {
  const isKnown = typeof code === 'string' && Object.hasOwn(reasons, code)
  return isKnown ? told(reasons[code as keyof typeof reasons]) : undefined
}

export function noQuestion(): Unreadable {
  return told(noHttp)
}

/** Where HTTP knows a better status than a kind of fault does. */
export function told({ status, text }: { status: number; text: string }): Unreadable {
  return { fault: new Fault('invalid', 'http.read', { text }), status }
}
