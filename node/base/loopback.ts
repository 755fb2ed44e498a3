/** Whether an address never leaves this machine, so that nobody can listen. */
import { isIP } from 'node:net'

export function isLoopback({ hostname }: Pick<URL, 'hostname'>): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
