import { Button } from '@mantine/core'

type Paged = {
  hasNextPage: boolean
  isFetchingNextPage: boolean
  fetchNextPage(): Promise<unknown>
}

/** The next page of a list, where there is one. */
export function More({ of, what = 'More' }: { of: Paged; what?: string }) {
  if (!of.hasNextPage) return null
  return (
    <Button
      variant="default"
      loading={of.isFetchingNextPage}
      onClick={() => void of.fetchNextPage()}
    >
      {what}
    </Button>
  )
}
