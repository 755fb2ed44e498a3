/** The names in a path: `/api/datasets/:id` → `['id']`. */
export function pathNames(path: string): string[] {
  return [...path.matchAll(/:([a-z]+)/gi)].map((found) => found[1]!)
}
