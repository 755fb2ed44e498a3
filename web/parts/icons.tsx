/** Few, drawn here, and never the only sign of anything. */
const lines = {
  moon: 'M20 14A8 8 0 1 1 10 4a6 6 0 0 0 10 10Z',
  outside: 'M9 5H5v14h14v-4M13 5h6v6M19 5l-9 9',
  inside: 'M4 11 12 4l8 7v9H4Z',
  bell: 'M6 16V11a6 6 0 0 1 12 0v5l2 2H4ZM10 21h4',
  folder: 'M3 6h6l2 2h10v11H3Z',
}

export function Icon({ name }: { name: keyof typeof lines }) {
  return (
    <svg width="18" height="18" viewBox="0 0 24 24" aria-hidden="true" className="icon">
      <path
        d={lines[name]}
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinejoin="round"
        strokeLinecap="round"
      />
    </svg>
  )
}
