/** What people see of how a site was set up. */
import { z } from 'zod'

export const settingsView = z.object({
  /** Where it stands; the site reads it when it starts. */
  file: z.string(),
  settings: z.array(
    z.object({
      name: z.string(),
      value: z.string(),
      /** Nothing is said there, and this is what holds then. */
      isDefault: z.boolean(),
      says: z.string(),
    }),
  ),
})

export const foldersView = z.object({
  /** Any folder but the site's own: for administrators, and where it is left open. */
  any: z.boolean(),
  /** With all that is below them. */
  folders: z.array(z.string()),
})
