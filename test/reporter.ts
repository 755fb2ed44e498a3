/** Prints the closing line that people and programs look for: what passed, failed and was skipped. */
import type { Reporter, TestCase, TestModule } from 'vitest/node'

export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const cases = modules.flatMap((module): TestCase[] => [...module.children.allTests()])
    const count = (state: string) => cases.filter((one) => one.result().state === state).length
    // A file that could not be loaded has no cases, and an error outside any test belongs to none:
    // both are failures.
    const broken = modules.filter(
      (module) => module.state() === 'failed' && module.errors().length > 0,
    )
    const skipped = count('skipped')
    const tail = skipped === 0 ? '' : `, ${skipped} skipped`
    const failed = count('failed') + broken.length + errors.length
    console.log(`\n${count('passed')} passed, ${failed} failed${tail}`)
  }
}
