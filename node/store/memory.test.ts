import { storeContract } from '../../test/contracts/store.ts'
import { createMemoryStore } from './memory.ts'

storeContract('a store in memory', async () => createMemoryStore())
