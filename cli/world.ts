/**
 * All that the command line has of the machine, as a value: so that it can be run whole in a test.
 * Only main.ts makes one of the real process.
 */

export type Output = {
  write(text: string): unknown
  /** Whether a person looks at it. */
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

export type World = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** For values: what was asked for, nothing else. */
  readonly stdout: Output
  /** For messages. */
  readonly stderr: Output
  /** Aborts when the person wants to stop. */
  readonly signal: AbortSignal
  /** Milliseconds, for rates; from any beginning. */
  now(): number
  /** A yes or no from a person; absent when nobody is there to ask. */
  readonly ask?: ((question: string) => Promise<boolean>) | undefined
  /** Runs node/main.ts as a process of its own, in and out shared with ours; its exit code. */
  runNode(args: readonly string[]): Promise<number>
}
