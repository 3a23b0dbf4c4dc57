import { moneyText } from './bank-amount.ts';

/** What is told of entries that are not imported: how many, and what they come to. */
export function createInterimSum() {
  let entries = 0;
  const sums = new Map<string, bigint>();

  function add(entry: { readonly amount: bigint; readonly currency: string } | null): void {
    entries += 1;
    if (entry !== null) sums.set(entry.currency, (sums.get(entry.currency) ?? 0n) + entry.amount);
  }

  /** "its 3 entries (0.03 PLN) are". */
  function text(): string {
    const money = [...sums].map(([currency, sum]) => moneyText(sum, currency)).join(', ');
    const count = entries === 1 ? 'its 1 entry' : `its ${entries} entries`;
    return `${count}${money === '' ? '' : ` (${money})`} ${entries === 1 ? 'is' : 'are'}`;
  }

  return { add, text };
}
