import { createHash } from 'node:crypto';
import type { BankEntry, BankFault, BankItem } from '../bank-format.ts';
import { readBai2Amount } from './bai2-amounts.ts';
import { bai2Direction, CLOSING_LEDGER, isBai2Reversal, OPENING_LEDGER } from './bai2-codes.ts';
import { type Bai2Group, bai2Day } from './bai2-group.ts';
import { type Bai2Record, createBai2Fields } from './bai2-records.ts';
import { readBai2Text } from './bai2-text.ts';
import { trailerFaults } from './bai2-totals.ts';
import { createBalanceProof } from './balance-proof.ts';
import { bankExponent } from './bank-amount.ts';
import { contradiction, unreadable } from './bank-fault.ts';
import type { Days } from './day.ts';
import { accountText, entryReferences, entryText, isFiller } from './entry-references.ts';
import { type Identities, NAMED_MAX } from './identities.ts';
import type { createInterimSum } from './interim.ts';
import type { StatementScopes } from './statement-scopes.ts';

export type Bai2Account = ReturnType<typeof createBai2Account>['account'];

type Surroundings = {
  /** Null: its header could not be read, which was told. */
  readonly group: Bai2Group | null;
  /** Set where nothing of the group is imported: what is left out is counted there. */
  readonly refused: ReturnType<typeof createInterimSum> | null;
  readonly identities: Identities;
  readonly scopes: StatementScopes;
  /** Of accounts of groups read before. */
  readonly keys: Set<string>;
  readonly days: Days;
};

const RAW_MAX = 16_384;
const ACCOUNT_MAX = 64;
const KEYS_MAX = 100_000;

/** An account of a group (03 … 49). */
export function createBai2Account(
  header: Bai2Record,
  { group, refused, identities, scopes, keys, days }: Surroundings,
) {
  const fields = createBai2Fields(header.parts);
  const name = accountText(fields.next() ?? '');
  const currency = fields.next() || group?.currency || 'USD';
  const statement = group?.statement ?? '';
  const contents = createHash('sha256').update(JSON.stringify(header.parts));
  const scope = scopes.statement(name, '', true);
  const proof = createBalanceProof();
  const totals = { total: 0n, children: 0, records: header.count };
  const faults: BankFault[] = [];
  const isKnown = bankExponent(currency) !== undefined;
  if (!isKnown)
    faults.push(unreadable({ row: header.row, field: 'currency', value: currency }, 'must be a currency of ISO 4217'));
  if (name === '' || name.length > ACCOUNT_MAX)
    faults.push(unreadable({ row: header.row, field: 'account' }, 'has no account number, or one that is too long'));
  if (isKnown) proof.begins(currency);
  faults.push(...statedBalances());
  const run = begun();
  let hasUnread = faults.length > 0 || group === null;

  function begun(): number {
    const [opening, closing] = [proof.opening(currency)?.amount ?? null, proof.closing(currency)?.amount ?? null];
    const [money, at] = [JSON.stringify([name, currency]), group?.at ?? null];
    const no = scopes.run(money, opening, at, false);
    scopes.ran(money, { no, from: at, to: at, closing });
    return no;
  }

  function statedBalances(): BankFault[] {
    for (let code = fields.next(); code !== null; code = fields.next()) {
      const read = readBai2Amount(fields, true);
      if (read.kind === 'fault')
        return [unreadable({ row: header.row, field: `03 ${code}`, value: read.value }, read.reason)];
      if (read.amount === null) continue;
      totals.total += read.amount;
      const balance = { amount: read.amount, at: group?.at ?? null };
      if (isKnown && code === OPENING_LEDGER) proof.opens(currency, balance);
      if (isKnown && code === CLOSING_LEDGER) proof.closes(currency, balance);
    }
    return [];
  }

  function entry(record: Bai2Record): BankItem[] {
    totals.records += record.count;
    const { row } = record;
    const unread = (field: string, value: string, reason: string): BankFault[] => {
      hasUnread = true;
      return [unreadable({ row, field, value }, reason)];
    };
    const parts = createBai2Fields(record.parts);
    const code = parts.next() ?? '';
    const read = readBai2Amount(parts, false);
    if (read.kind === 'fault') return unread('16 amount', read.value, read.reason);
    totals.total += read.amount ?? 0n;
    const direction = bai2Direction(code);
    if (direction === 'none') return [];
    if (direction === 'unknown') return unread('16 type code', code, 'is no credit and no debit (100–699, 920–999)');
    if (read.amount === null) return unread('16 amount', '', 'has no amount');
    const isIn = direction === 'in';
    const amount = isIn ? read.amount : -read.amount;
    if (refused !== null) {
      refused.add(isKnown ? { amount, currency } : null);
      return [];
    }
    if (group === null || !isKnown) return [];

    const bankReference = parts.next() ?? '';
    const customerReference = parts.next() ?? '';
    const told = readBai2Text(parts.rest());
    const text = entryText(told.text);
    const valueDay = read.valueDay === null ? null : bai2Day(read.valueDay);
    if (read.valueDay !== null && valueDay === null)
      return unread('16 value date', read.valueDay, 'must be a day as YYMMDD');
    const identity = isFiller(bankReference)
      ? identities.byContent(run, name, group.day, [code, String(amount), currency, valueDay, customerReference, text])
      : identities.byReference(scope, name, bankReference, group.day, amount, currency);
    if (identity === null)
      return unread(
        '16',
        '',
        `is beyond the ${NAMED_MAX} entries that a file may have: ask the bank for shorter periods`,
      );
    contents.update(JSON.stringify(record.parts));
    proof.add(currency, amount);
    const reversal = isBai2Reversal(code);
    const side = isIn !== reversal ? 'debtor' : 'creditor';
    const item: BankEntry = {
      type: 'entry',
      row,
      raw: `16,${record.parts.join('\n88,')}`.slice(0, RAW_MAX),
      account: name,
      statement,
      identity,
      amount,
      currency,
      at: group.at,
      valueAt: valueDay === null ? null : days.iso(valueDay),
      references: entryReferences([bankReference, customerReference, ...told.references]),
      counterparty: { name: told.names[side], account: told.accounts[side] },
      text,
      reversal,
    };
    const { distributed } = read;
    if (distributed === null || distributed === read.amount) return [item];
    return [
      item,
      contradiction({ row, field: '16 distribution' }, 'its parts by availability do not come to its amount', {
        statement,
        expected: String(read.amount),
        found: String(distributed),
      }),
    ];
  }

  /** By its day, time and balances; where it does not state both, by all that it says. */
  function repeated(): BankFault[] {
    const [opening, closing] = [proof.opening(currency), proof.closing(currency)];
    const told = opening === null || closing === null ? contents.digest('hex') : `${opening.amount}/${closing.amount}`;
    const key = JSON.stringify([name, currency, group?.day, group?.time, told]);
    const times = { statement, expected: 'once', found: 'twice' };
    if (keys.has(key)) return [contradiction({ row: header.row }, 'it is in this file already', times)];
    if (keys.size < KEYS_MAX) keys.add(key);
    return [];
  }

  function end(trailer: Bai2Record | null): { items: BankItem[]; total: bigint } {
    totals.records += trailer?.count ?? 0;
    const { faults: trailing, total } = trailerFaults(trailer, '49', header.row, totals, null);
    const head = { row: header.row, account: name, statement, number: null, copy: false };
    const told = refused !== null || group === null ? [] : proof.told(head, false);
    const kept = hasUnread ? told.filter(({ type }) => type === 'statement') : told;
    const again = told.some((item) => item.type === 'statement' && item.entries > 0) ? repeated() : [];
    return { items: [...kept, ...again, ...trailing.map((fault) => ({ ...fault, statement }))], total };
  }

  return { account: { entry, end }, faults };
}
