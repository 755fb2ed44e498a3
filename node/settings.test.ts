import { expect, test } from 'vitest'
import { createConfig } from './config.ts'
import { settingsOf } from './settings.ts'

test('what was said is told, and what holds where nothing was said', () => {
  const config = createConfig({
    name: 'Oslo',
    listen: ['127.0.0.1:4600'],
    folders: ['/data', '/scratch'],
    lane: '0.0.0.0:4602',
    announceLane: 'lanes.example.org:4602',
  })
  const { file, settings } = settingsOf(config, { config: '/home/config.json' })
  const told = Object.fromEntries(settings.map((one) => [one.name, one]))
  expect(file).toBe('/home/config.json')
  expect(told.folders).toMatchObject({ value: '/data, /scratch', isDefault: false })
  expect(told.lane?.value).toBe('0.0.0.0:4602, told to others: lanes.example.org:4602')
  expect(told.scrubDays).toMatchObject({ value: '30', isDefault: true })
  expect(told.announce).toMatchObject({ value: 'what it listens at', isDefault: true })
  expect(settings.every(({ value, says }) => value !== '' && says.endsWith('.'))).toBe(true)
})
