/**
 * The console: the bundle of `web/`, served as it was built. Every address that is neither a question
 * nor a file is a page of it, which the browser finds by itself.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Fault } from '../../protocol/fault.ts'
import { hasSession } from './visit.ts'

/** Nothing comes from elsewhere and nothing is in a page that its bundle does not hold. */
export const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  // Mantine sets sizes and colours of elements as it draws them.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const pageHeaders = { 'content-security-policy': pagePolicy, 'cache-control': 'no-cache' }
/** Their names change with what they hold. */
const assetsHeaders = { ...pageHeaders, 'cache-control': 'public, max-age=31536000, immutable' }

export interface Pages {
  /** Answers a page, or false when this is no address of one. Faults `missing` when there is no console. */
  answer(request: FastifyRequest, reply: FastifyReply): boolean
}

/** `folder` is where the bundle lies; it need not be there. */
export function servePages(app: FastifyInstance, folder: string | undefined): Pages {
  const isBuilt = folder !== undefined && existsSync(join(folder, 'index.html'))
  if (isBuilt) {
    app.register(fastifyStatic, {
      root: folder,
      // A route for each file that is there at the start: no address is ever made into a path.
      wildcard: false,
      index: false,
      preCompressed: true,
      cacheControl: false,
      setHeaders: (reply, path) =>
        void reply.headers(path.includes('/assets/') ? assetsHeaders : pageHeaders),
    })
  }
  return {
    answer(request, reply) {
      if (request.method !== 'GET' || !isPage(request.url)) return false
      if (!isBuilt)
        throw new Fault('missing', 'http.page', {
          text: 'The console of this site was not built. Run npm run build, then start the site again.',
        })
      reply.headers({ ...pageHeaders, vary: 'cookie' }).sendFile(pageFor(request))
      return true
    },
  }
}

/**
 * Nobody waits to be told that they are not logged in. What comes with a question, such as how a login
 * elsewhere went, and the page of a one-time link are drawn when that is known.
 */
function pageFor(request: FastifyRequest): 'login.html' | 'index.html' {
  const isPlain = !request.url.includes('?') && request.url !== '/welcome'
  return isPlain && !hasSession(request) ? 'login.html' : 'index.html'
}

/** Plain words between single slashes: nothing that could be meant as a file, a way up or a question. */
function isPage(url: string): boolean {
  const path = url.split('?', 1)[0]!
  return /^(?:\/[\w-]+)*\/?$/.test(path) && !/^\/(?:api|ga4gh)(?:\/|$)/i.test(path)
}
