/**
 * What a page loads first is how it looks. It is drawn with what stands in it, and only then comes the
 * program, which takes a slow machine a second or two.
 */
import './styles-door.ts'
import './room.css'

const isDoor = document.getElementById('room')!.dataset.program === 'enter'
const start = () => void (isDoor ? import('./enter.tsx') : import('./main.tsx'))

// A window in the background is not drawn.
if (document.hidden) start()
else requestAnimationFrame(() => setTimeout(start))
