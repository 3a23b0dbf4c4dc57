import type { BankFault } from '../bank-format.ts';
import { unreadable } from './bank-fault.ts';
import { type CamtEntryReader, createCamtEntryReader } from './camt-entry.ts';
import { createInterimSum } from './interim.ts';

export type CamtInterim = ReturnType<typeof createCamtInterim>;

/**
 * A report of the day so far (camt.052) or a notification of single bookings (camt.054). Both tell entries that the statement
 * tells again, with no balances that would prove them: posted, they would be there twice. They are counted and refused.
 */
export function createCamtInterim(row: number, isReport: boolean) {
  const told = createInterimSum();
  let entry: CamtEntryReader | null = null;

  function open(path: string, at: number): void {
    if (path === 'Ntry') entry = createCamtEntryReader(at);
    else entry?.open(path.slice('Ntry/'.length));
  }

  function close(path: string, text: string, attributes: Readonly<Record<string, string>>, at: number): BankFault[] {
    if (path === 'Ntry') {
      told.add(entry?.money() ?? null);
      entry = null;
    } else entry?.close(path.slice('Ntry/'.length), text, attributes, at);
    return [];
  }

  function end(): BankFault[] {
    const what = isReport ? 'an interim report (camt.052)' : 'a notification of single bookings (camt.054)';
    return [
      unreadable(
        { row, field: isReport ? 'Rpt' : 'Ntfctn', value: isReport ? 'camt.052' : 'camt.054' },
        `is ${what} and no statement: ${told.text()} not imported, because the statement tells them again; hand in the camt.053`,
      ),
    ];
  }

  return { open, close, end };
}
