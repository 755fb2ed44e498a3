/** What Prometheus reads. It comes with a token of its own, which opens nothing else. */
import type { Doorway } from '../doorway.ts'

export const metrics: readonly Doorway[] = [
  {
    name: 'site.metrics',
    methods: ['GET'],
    path: '/metrics',
    permission: 'metrics.read',
    says: 'How the site is, as numbers in the text format of Prometheus.',
    async answer({ reply, doors }) {
      const { media, text } = await doors.metrics.expose()
      return reply.type(media).send(text)
    },
  },
]
