/**
 * Words without anybody's address. What is written where no key can make it unreadable later, as a log or
 * the record of a refusal, keeps what happened and not to whom.
 */

/** Such as `ana@lab.example` and `EMAIL@ALIAS`; not `node_modules/@scope`, nor `package@1.0`. */
const address = /[^\s@/"'“”‘’\\(),:;<>[\]{}=]+@[\p{L}][^\s@/"'“”‘’\\(),:;<>[\]{}=]*/gu

export function nameNobody(text: string): string {
  return text.replace(address, 'an address')
}
