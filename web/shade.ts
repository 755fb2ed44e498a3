/**
 * Light or dark, before anything is drawn: as the reader chose in this browser, or as the machine is.
 * Loaded by itself, ahead of everything; later the kit looks after it (`useMantineColorScheme`).
 */
const chosen = localStorage.getItem('mantine-color-scheme-value')
const isDark =
  chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
document.documentElement.dataset.mantineColorScheme = isDark ? 'dark' : 'light'
