/** The thread that writes small files; see `smalls.ts`. */
import { parentPort } from 'node:worker_threads'
import { type Smalls, writeSmalls } from './smalls.ts'

parentPort!.on('message', (smalls: Smalls) => parentPort!.postMessage(writeSmalls(smalls)))
