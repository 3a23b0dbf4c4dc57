import type { BankFault, BankItem } from '../bank-format.ts';
import { type Bai2Account, createBai2Account } from './bai2-account.ts';
import { type Bai2Group, bai2Day } from './bai2-group.ts';
import { type Bai2Record, createBai2Fields } from './bai2-records.ts';
import { type Bai2Totals, trailerFaults } from './bai2-totals.ts';
import { unreadable } from './bank-fault.ts';
import type { Days } from './day.ts';
import { createIdentities } from './identities.ts';
import { createInterimSum } from './interim.ts';
import { createStatementScopes } from './statement-scopes.ts';

type OpenGroup = Bai2Totals & {
  readonly row: number;
  readonly facts: Bai2Group | null;
  /** Why nothing of it is imported. */
  readonly refusal: BankFault | null;
  readonly refused: ReturnType<typeof createInterimSum>;
};

const NAME_MAX = 35;
const STATUS: ReadonlyMap<string, string> = new Map([
  [
    '2',
    'deletes what was sent before (group status 2): nothing is taken back by itself; reverse it by hand, and hand in the file without this group',
  ],
  [
    '3',
    'corrects what was sent before (group status 3): nothing is replaced by itself; ask the bank for the whole day anew',
  ],
  ['4', 'is a test (group status 4)'],
]);
const INTERIM =
  'is an interim report (as-of-date modifier 1 or 3) and no statement: the final one tells its entries again';

/** A file (01 … 99), or several behind each other. */
export function createBai2File(days: Days) {
  const identities = createIdentities();
  const scopes = createStatementScopes();
  const keys = new Set<string>();
  let file: (Bai2Totals & { row: number; id: string }) | null = null;
  let group: OpenGroup | null = null;
  let account: Bai2Account | null = null;
  let files = 0;

  function record(one: Bai2Record): BankItem[] {
    const items = one.code === '01' ? begin(one) : [];
    if (file === null) {
      if (files > 0 || one.code === '99') return [misplaced(one, 'stands behind the end (99) of the file')];
      files += 1;
      file = { row: one.row, id: '', total: 0n, children: 0, records: 0 };
      items.push(misplaced(one, 'stands before the beginning (01) of the file'));
    }
    file.records += one.count;
    if (group !== null && one.code !== '02' && one.code !== '99') group.records += one.count;
    switch (one.code) {
      case '01':
        return items;
      case '02':
        return [...items, ...endGroup(null), ...beginGroup(one)];
      case '03':
        return [...items, ...endAccount(null), ...beginAccount(one)];
      case '16':
        return [
          ...items,
          ...(account === null ? [misplaced(one, 'stands outside of an account (03 … 49)')] : account.entry(one)),
        ];
      case '49':
        return [...items, ...(account === null ? [misplaced(one, 'ends no account')] : endAccount(one))];
      case '98':
        return [...items, ...(group === null ? [misplaced(one, 'ends no group')] : endGroup(one))];
      case '99':
        return [...items, ...endFile(one)];
    }
  }

  function begin(one: Bai2Record): BankItem[] {
    const items = endFile(null);
    const fields = createBai2Fields(one.parts);
    const [sender = '', , , , id = '', , , version = ''] = Array.from({ length: 8 }, () => fields.next() ?? '');
    files += 1;
    file = {
      row: one.row,
      id: `${sender.slice(0, NAME_MAX)}/${id.slice(0, NAME_MAX)}`,
      total: 0n,
      children: 0,
      records: 0,
    };
    if (version !== '2')
      items.push(unreadable({ row: one.row, field: 'version', value: version }, 'must be 2: this is no BAI2 file'));
    return items;
  }

  function beginGroup(one: Bai2Record): BankItem[] {
    const fields = createBai2Fields(one.parts);
    const [, originator = '', status = '', asOf = '', time = '', currency = '', modifier = ''] = Array.from(
      { length: 7 },
      () => fields.next() ?? '',
    );
    const { row } = one;
    const day = bai2Day(asOf);
    const faults: BankFault[] = [];
    if (day === null) faults.push(unreadable({ row, field: 'as-of date', value: asOf }, 'must be a day as YYMMDD'));
    if (status !== '1' && !STATUS.has(status))
      faults.push(unreadable({ row, field: 'group status', value: status }, 'must be 1, 2, 3 or 4'));
    const why = STATUS.get(status) ?? (modifier === '1' || modifier === '3' ? INTERIM : null);
    const [year = 0, month = 0, date = 0] = (day ?? '').split('-').map(Number);
    const at = day === null ? null : days.at(year, month, date);
    group = {
      row,
      refusal: why === null ? null : unreadable({ row, field: '02' }, why),
      refused: createInterimSum(),
      facts:
        day === null || at === null || faults.length > 0
          ? null
          : {
              statement: `${originator.slice(0, NAME_MAX)}/${file?.id ?? ''}/${day}`,
              currency: currency || 'USD',
              ...{ day, time, at },
            },
      total: 0n,
      children: 0,
      records: one.count,
    };
    if (file !== null) file.children += 1;
    return faults;
  }

  function beginAccount(one: Bai2Record): BankItem[] {
    const items: BankItem[] = [];
    if (group === null) {
      items.push(misplaced(one, 'stands outside of a group (02 … 98)'));
      group = {
        row: one.row,
        refusal: null,
        refused: createInterimSum(),
        facts: null,
        total: 0n,
        children: 0,
        records: one.count,
      };
    }
    group.children += 1;
    const { account: begun, faults } = createBai2Account(one, {
      group: group.facts,
      refused: group.refusal === null ? null : group.refused,
      ...{ identities, scopes, keys, days },
    });
    account = begun;
    return [...items, ...faults];
  }

  function endAccount(trailer: Bai2Record | null): BankItem[] {
    if (account === null) return [];
    const { items, total } = account.end(trailer);
    account = null;
    if (group !== null) group.total += total;
    return items;
  }

  function endGroup(trailer: Bai2Record | null): BankItem[] {
    const items = endAccount(null);
    if (group === null) return items;
    const ended: OpenGroup = group;
    group = null;
    const { faults, total } = trailerFaults(trailer, '98', ended.row, ended, 'accounts');
    if (file !== null) file.total += total;
    if (ended.refusal !== null)
      items.push({ ...ended.refusal, reason: `${ended.refusal.reason}; ${ended.refused.text()} not imported` });
    return [...items, ...faults];
  }

  function endFile(trailer: Bai2Record | null): BankItem[] {
    const items = endGroup(null);
    if (file === null) return items;
    const { faults } = trailerFaults(trailer, '99', file.row, file, 'groups');
    file = null;
    return [...items, ...faults];
  }

  function end(): BankItem[] {
    if (files === 0) return [unreadable({ row: 1 }, 'has no beginning (01): this is no BAI2 file')];
    return endFile(null);
  }

  return { record, end };
}

const misplaced = ({ row, code, parts }: Bai2Record, reason: string): BankFault =>
  unreadable({ row, field: code, value: `${code},${parts[0] ?? ''}` }, reason);
