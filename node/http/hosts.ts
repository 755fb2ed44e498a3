/**
 * The names by which this site may be asked. A page in somebody's browser can make any name point at
 * 127.0.0.1; it cannot make the browser say another name than its own.
 */
import type { IncomingMessage } from 'node:http'
import { Fault } from '../../protocol/fault.ts'

/** Every name of the machine itself, the address that is listened on, and that of `url`. */
export function createHostCheck(host: string, url?: string): (header?: string) => void {
  const configured = url === undefined ? [] : [new URL(url).hostname]
  const known = new Set(
    ['localhost', '127.0.0.1', '[::1]', bracketed(host), ...configured].map(lower),
  )
  return (header) => {
    const [, name, port = '0'] = /^(.+?)(?::(\d{1,5}))?$/.exec(header ?? '') ?? []
    if (name !== undefined && known.has(lower(name)) && Number(port) < 65_536) return
    throw new Fault('denied', 'http.host', {
      about: (header ?? '').slice(0, 80),
      text: 'This site is not known by that name. Use the one that its configuration tells under "url".',
    })
  }
}

/**
 * One name, said once: two of them, or another one in the address than in the header, is how a question
 * is read in one way by a proxy and in another one here. Faults `invalid`.
 */
export function demandOneHost({ rawHeaders, headers, url = '' }: IncomingMessage): void {
  const said = rawHeaders.filter((name, i) => i % 2 === 0 && lower(name) === 'host').length
  if (said !== 1) throw misread('A question says once by which name it asks, in the Host header.')
  if (url.startsWith('/')) return
  const [, named] = /^https?:\/\/([^/?#]*)\//i.exec(url) ?? []
  if (named === undefined || lower(named) !== lower(headers.host ?? ''))
    throw misread('The address begins with a slash, or with the name that the Host header says.')
}

function misread(text: string): Fault {
  return new Fault('invalid', 'http.host', { text })
}

/** An IPv6 address stands in brackets in a URL and in a Host header. */
export function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

const lower = (text: string) => text.toLowerCase()
