import { expect, it } from 'vitest'
import { createLine, quietMs } from './line.ts'

function open(isTTY: boolean, columns = 20) {
  let text = ''
  let at = 0
  const write = (more: string) => {
    text += more
  }
  const pass = (ms: number) => {
    at += ms
  }
  const line = createLine({ isTTY, columns, write }, () => at)
  return { line, text: () => text, pass }
}

it('redraws one line in a terminal, cut to its width', () => {
  const { line, text, pass } = open(true, 10)
  line.show('one', false)
  line.show('too soon', false)
  pass(100)
  line.show('a text that is too long', false)
  line.end()
  expect(text()).toBe('\r\x1b[Kone\r\x1b[Ka text t…\n')
})

it('takes the line away when asked to', () => {
  const { line, text } = open(true)
  line.show('one', false)
  line.end({ clear: true })
  expect(text()).toBe('\r\x1b[Kone\r\x1b[K')
})

it('elsewhere writes every change, and in between one line every five seconds', () => {
  const { line, text, pass } = open(false)
  line.show('moving 1', true)
  pass(quietMs - 1)
  line.show('moving 2', false)
  pass(1)
  line.show('moving 3', false)
  line.show('paused', true)
  line.show('paused', true)
  line.show('moving 4', false)
  line.end()
  expect(text()).toBe('moving 1\nmoving 3\npaused\nmoving 4\n')
})

it('elsewhere says nothing of quick work that is taken away', () => {
  const { line, text, pass } = open(false)
  line.show('1 file', false)
  pass(quietMs - 1)
  line.show('2 files', false)
  line.end({ clear: true })
  expect(text()).toBe('')
})
