/**
 * The names by which this site may be asked. A page in somebody's browser can make any name point at
 * 127.0.0.1; it cannot make the browser say another name than its own.
 */
import { Fault } from '../../protocol/fault.ts'

/** Every name of the machine itself, the address that is listened on, and that of `url`. */
export function createHostCheck(host: string, url?: string): (header?: string) => void {
  const configured = url === undefined ? [] : [new URL(url).hostname]
  const known = new Set(
    ['localhost', '127.0.0.1', '[::1]', bracketed(host), ...configured].map(lower),
  )
  return (header) => {
    const name = header === undefined ? undefined : /^(.+?)(?::\d{1,5})?$/.exec(header)?.[1]
    if (name !== undefined && known.has(lower(name))) return
    throw new Fault('denied', 'http.host', {
      about: (header ?? '').slice(0, 80),
      text: 'This site is not known by that name. Use the one that its configuration tells under "url".',
    })
  }
}

/** An IPv6 address stands in brackets in a URL and in a Host header. */
export function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

const lower = (text: string) => text.toLowerCase()
