/** Tells the metrics of every answer, by the name of its route and never by its address. */
import type { FastifyInstance } from 'fastify'
import type { Answers } from '../metrics/answers.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** As the table calls it; a page or a file of the console has none. */
    routeName?: string
    /** Goes on until its reader leaves, so how long it took says nothing. */
    isEvents?: boolean
  }
}

export function watchAnswers(app: FastifyInstance, counts: Answers): void {
  app.addHook('onResponse', async (request, reply) => {
    const { routeName: route = 'page', isEvents = false } = request.routeOptions.config
    const ms = isEvents ? undefined : reply.elapsedTime
    counts.answered({ route, status: reply.statusCode, ms })
  })
}
