export function createUnpacker(_needs: unknown) {
  return {
    examine: async () => [],
    propose: async (): Promise<never> => { throw new Error('pending') },
  }
}
