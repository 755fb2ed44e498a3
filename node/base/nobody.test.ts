import { expect, test } from 'vitest'
import { nameNobody } from './nobody.ts'

test.each([
  [
    'ana.lyst+7@lab.example has no accepted connection with bén@kyoto.example. Ask for one.',
    'an address has no accepted connection with an address Ask for one.',
  ],
  [
    'You have no connection with ana@lab.example@kyoto',
    'You have no connection with an address@kyoto',
  ],
  ['{"about":"admin@localhost","n":1}', '{"about":"an address","n":1}'],
  ['mailto:<ana@lab.example>', 'mailto:<an address>'],
  ['at file:///x/node_modules/@libp2p/tcp/index.js:3:4', undefined],
  ['it-pipe@3.0.1 and 12@34', undefined],
  ['/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWPqihtFWWFnE9t3sGJ5AimYixbekdRrw29RSYNgY9LgWZ', undefined],
])('%s', (text, masked = text) => {
  expect(nameNobody(text)).toBe(masked)
})
