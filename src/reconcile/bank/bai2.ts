import type { BankFormat, BankItem } from '../bank-format.ts';
import { createBai2File } from './bai2-file.ts';
import { bai2Records } from './bai2-records.ts';
import { unreadable, withFaultsMax } from './bank-fault.ts';
import { createDays } from './day.ts';
import { LINE_BYTES_MAX, textLines } from './text-lines.ts';

/**
 * BAI2, the cash management balance reporting of American and Canadian banks (version 2 of the Bank Administration Institute).
 *
 * Proof: control totals and counts of every account (49), group (98) and file (99), and opening ledger (010) + entries = closing
 * ledger (015) where an account tells both. Interim groups, and groups that delete or correct what was sent before, are refused.
 */
export const bai2: BankFormat = {
  name: 'bai2',
  title: 'BAI2',
  recognises: (head) => /^\ufeff?\s*01,[^,\n]*,[^,\n]*,\d{6},/.test(head),
  read: (source, { zone }) => withFaultsMax(statements(source, zone)),
};

async function* statements(source: AsyncIterable<Uint8Array>, zone: string): AsyncGenerator<readonly BankItem[]> {
  const file = createBai2File(createDays(zone));
  let lastStray = -1;
  for await (const parts of bai2Records(textLines(source))) {
    const items: BankItem[] = [];
    for (const part of parts) {
      if (part.kind === 'record') items.push(...file.record(part));
      else if (part.kind === 'too long')
        items.push(unreadable({ row: part.row }, `is longer than ${LINE_BYTES_MAX} bytes: this is no BAI2 file`));
      else {
        // Of a file that is none, the first line is enough.
        if (part.row !== lastStray + 1)
          items.push(
            unreadable({ row: part.row, value: part.text }, 'is no record of BAI2: 01, 02, 03, 16, 49, 88, 98 or 99'),
          );
        lastStray = part.row;
      }
    }
    if (items.length > 0) yield items;
  }
  const rest = file.end();
  if (rest.length > 0) yield rest;
}
