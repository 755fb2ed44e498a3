import { visible } from '../../api/words.ts'
import { Way } from '../address.tsx'
import { inConsole } from '../next-steps.ts'

/** What a fault says, with its next step as the console has it. */
export function Told({ text }: { text: string }) {
  const said = inConsole(text)
  return (
    <>
      {visible(said.text)}
      {said.steps.map(({ says, to }) => (
        <span key={to}>
          {' '}
          <Way to={to}>{says}</Way>.
        </span>
      ))}
    </>
  )
}
