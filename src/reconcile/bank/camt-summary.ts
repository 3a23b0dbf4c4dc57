import type { BankFault } from '../bank-format.ts';
import { moneyText, readAmount } from './bank-amount.ts';
import { contradiction } from './bank-fault.ts';

type Side = { entries: number; sum: bigint };

const PATHS = new Set(
  ['TtlNtries', 'TtlCdtNtries', 'TtlDbtNtries'].flatMap((total) => [`${total}/NbOfNtries`, `${total}/Sum`]),
);

/** A statement's summary (TxsSummry), where it has one: a second proof, which also sees a pair of entries that cancel out. */
export function createCamtSummary() {
  const stated = new Map<string, { text: string; row: number }>();
  const credits: Side = { entries: 0, sum: 0n };
  const debits: Side = { entries: 0, sum: 0n };
  let others = 0;

  function close(path: string, text: string, row: number): void {
    if (PATHS.has(path)) stated.set(path, { text, row });
  }

  function booked(amount: bigint): void {
    const side = amount < 0n ? debits : credits;
    side.entries += 1;
    side.sum += amount < 0n ? -amount : amount;
  }

  function contradictions(currency: string): BankFault[] {
    return [
      ...against('TtlNtries', { entries: credits.entries + debits.entries, sum: credits.sum + debits.sum }, currency),
      ...against('TtlCdtNtries', credits, currency),
      ...against('TtlDbtNtries', debits, currency),
    ];
  }

  function against(total: string, { entries, sum }: Side, currency: string): BankFault[] {
    // Banks differ in whether pending entries are in it: what they say of those cannot be checked.
    if (others > 0) return [];
    const faults: BankFault[] = [];
    const count = stated.get(`${total}/NbOfNtries`);
    if (count !== undefined && /^\d{1,15}$/.test(count.text) && Number(count.text) !== entries)
      faults.push(
        contradiction(
          { row: count.row, field: `${total}/NbOfNtries` },
          'the statement does not have as many booked entries',
          {
            expected: `${Number(count.text)} entries`,
            found: `${entries} entries`,
          },
        ),
      );
    const stately = stated.get(`${total}/Sum`);
    const read = stately === undefined ? null : readAmount(stately.text, currency);
    if (stately !== undefined && read?.kind === 'amount' && read.value !== sum)
      faults.push(
        contradiction({ row: stately.row, field: `${total}/Sum` }, 'the booked entries do not come to it', {
          expected: moneyText(read.value, currency),
          found: moneyText(sum, currency),
        }),
      );
    return faults;
  }

  return { close, booked, notBooked: () => (others += 1), contradictions };
}
