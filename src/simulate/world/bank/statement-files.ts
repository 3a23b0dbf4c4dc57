import type { AccountWorld } from '../account-world.ts';
import type { BankFormatName } from '../world-account.ts';
import { bai2 } from './bai2.ts';
import type { Statement } from './bank-entry.ts';
import { statementsOf } from './bookings.ts';
import { camt053 } from './camt053.ts';
import { mt940 } from './mt940.ts';

export type StatementFile = {
  readonly format: BankFormatName;
  readonly name: string;
  readonly text: string;
  readonly statements: readonly Statement[];
};

const DAYS_A_FILE = 5;
const ENDINGS: Readonly<Record<BankFormatName, string>> = { 'camt.053': 'xml', mt940: 'sta', bai2: 'bai' };

/** What the bank hands over, in the order of its days. Pure. */
export function statementFiles(world: AccountWorld): StatementFile[] {
  const { format } = world.account.bank;
  const statements = statementsOf(world, format === 'bai2' ? 1 : DAYS_A_FILE);
  const groups = format === 'bai2' ? chunks(statements, DAYS_A_FILE) : statements.map((one) => [one]);
  return groups.map((group, index) => ({
    format,
    name: `statement-${String(index + 1).padStart(2, '0')}.${ENDINGS[format]}`,
    text: format === 'bai2' ? bai2(group) : group.map(format === 'mt940' ? mt940 : camt053).join(''),
    statements: group,
  }));
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  const made: T[][] = [];
  for (let at = 0; at < list.length; at += size) made.push(list.slice(at, at + size));
  return made;
}
