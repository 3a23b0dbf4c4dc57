import { type CsvRow, csvRows } from '../../csv-rows.ts';
import type { BankContext, BankFault, BankFormat, BankItem } from '../bank-format.ts';
import { type BalanceProof, createBalanceProof } from './balance-proof.ts';
import { moneyText } from './bank-amount.ts';
import { contradiction, unreadable, withFaultsMax } from './bank-fault.ts';
import { balanceOfRow, bindCsvHeader, type CsvEntry, type CsvHeader } from './csv-entry.ts';
import { type CsvMapping, readCsvMapping } from './csv-mapping.ts';
import { createDays, type Days } from './day.ts';
import { accountText } from './entry-references.ts';
import { createIdentities, NAMED_MAX } from './identities.ts';

/**
 * Any bank's CSV, with a mapping that says which column is what (docs/bank-statements.md).
 *
 * Proof: where the mapping names a balance column, each row continues the one before it; where it names rows with the opening
 * and the closing balance, opening + entries = closing. Without either nothing proves that the file is whole, and it says so in
 * its statement: both balances are null.
 */
export const csvStatement: BankFormat = {
  name: 'csv',
  title: 'CSV with a mapping',
  recognises: (head) => !/^\ufeff?\s*(?:<|[{:]|01,)/.test(head) && /^[^\n]*[,;\t|]/m.test(head),
  read: (source, context) => withFaultsMax(statements(source, context)),
};

const STANDS_TWICE = 'stands in the header more than once, and which of them the mapping means nothing says';
/** Rows above the header: name of the bank, account, period. */
const PREAMBLE_MAX = 200;
const ACCOUNTS_MAX = 1_000;
const MONEY_KEY = (account: string, currency: string): string => JSON.stringify([account, currency]);

async function* statements(
  source: AsyncIterable<Uint8Array>,
  { mapping: told, zone, fileName }: BankContext,
): AsyncGenerator<readonly BankItem[]> {
  const read = readCsvMapping(told);
  if (read.kind === 'faults') {
    yield read.faults.map(({ path, message }) => unreadable({ row: null, field: `mapping${path}` }, message));
    return;
  }
  const { mapping } = read;
  const file = createCsvFile(mapping, createDays(zone), fileName ?? 'csv');
  const { separator, encoding } = mapping;
  for await (const { rows, faults, isOpenEnded } of csvRows(source, { separator, encoding })) {
    const items = rows.flatMap((row, n) => file.row(row, isOpenEnded && n === rows.length - 1));
    const told: BankFault[] = faults.map(({ row, value, reason }) => unreadable({ row, value: value ?? '' }, reason));
    if (told.length > 0) file.unread();
    if (items.length + told.length > 0) yield [...items, ...told];
    if (file.isOver()) return;
  }
  const rest = file.end();
  if (rest.length > 0) yield rest;
}

/** `from` and `to`: unix ms, the days of its first and last entry. */
type Proven = { readonly proof: BalanceProof; readonly row: number; from: number | null; to: number | null };
type Running = { first: CsvEntry; last: CsvEntry; from: number; to: number; isBroken: boolean };

function createCsvFile(mapping: CsvMapping, days: Days, statement: string) {
  const identities = createIdentities();
  const proofs = new Map<string, Proven>();
  const running = new Map<string, Running>();
  const stated: { opening: bigint | null; closing: bigint | null } = { opening: null, closing: null };
  let read: Extract<CsvHeader, { kind: 'header' }>['read'] | null = null;
  let nearest: { row: number; missing: readonly string[] } | null = null;
  let above = 0;
  let over = false;
  let hasUnread = false;

  /** `isOpenEnded`: it is the file's last, and has no line end. */
  function row(one: CsvRow, isOpenEnded: boolean): BankItem[] {
    if (over) return [];
    const first = one.cells
      .find((cell) => cell.trim() !== '')
      ?.trim()
      .toLowerCase();
    if (first === undefined) return [];
    const begins = (label: string): boolean => first.startsWith(label.trim().toLowerCase());
    for (const which of ['opening', 'closing'] as const) {
      const label = mapping[which];
      if (label !== null && begins(label)) return statedBalance(which, one);
    }
    if (mapping.ignore.some(begins)) return [];
    if (read === null) return header(one);
    const found = read(one, isOpenEnded);
    if (found.kind === 'not booked') return [];
    if (found.kind === 'booked') return entry(found.entry);
    hasUnread = true;
    return [...found.faults];
  }

  function header(one: CsvRow): BankItem[] {
    const bound = bindCsvHeader(one.cells, mapping, days);
    if (bound.kind === 'header') read = bound.read;
    else if (bound.kind === 'repeated') {
      over = true;
      return bound.names.map((field) => unreadable({ row: one.row, field }, STANDS_TWICE));
    } else {
      if (nearest === null || bound.names.length < nearest.missing.length)
        nearest = { row: one.row, missing: bound.names };
      above += 1;
      if (above >= PREAMBLE_MAX) {
        over = true;
        return [noHeader()];
      }
    }
    return [];
  }

  function noHeader(): BankFault {
    const missing = (nearest?.missing ?? []).map((name) => `"${name}"`).join(', ');
    return unreadable(
      { row: nearest?.row ?? 1 },
      nearest === null
        ? 'the file is empty'
        : `no row has all columns of the mapping; this one comes nearest and lacks ${missing} (or the separator is not "${mapping.separator}")`,
    );
  }

  function statedBalance(which: 'opening' | 'closing', one: CsvRow): BankItem[] {
    const currency = 'value' in mapping.currency ? mapping.currency.value : '';
    const amount = balanceOfRow(one.cells, currency, mapping);
    if (amount === null) {
      hasUnread = true;
      return [unreadable({ row: one.row, field: which, value: one.raw }, 'must have an amount behind it')];
    }
    stated[which] ??= amount;
    return [];
  }

  function entry({ bankId, day, valueDay, balance, ...told }: CsvEntry): BankItem[] {
    const { account, amount, currency } = told;
    const identity =
      bankId === null
        ? identities.byContent(0, account, day, [
            ...[String(amount), currency, valueDay, told.text],
            ...[told.counterparty.name, told.counterparty.account, ...told.references],
          ])
        : identities.byReference(0, account, bankId, day, amount, currency);
    const own: Proven = proofs.get(account) ?? { proof: createBalanceProof(), row: told.row, from: null, to: null };
    if (identity === null || (!proofs.has(account) && proofs.size >= ACCOUNTS_MAX)) {
      over = true;
      const most = identity === null ? `${NAMED_MAX} entries` : `${ACCOUNTS_MAX} accounts`;
      return [unreadable({ row: told.row }, `the file has more than ${most}: ask the bank for shorter periods`)];
    }
    proofs.set(account, own);
    own.from = Math.min(own.from ?? told.at, told.at);
    own.to = Math.max(own.to ?? told.at, told.at);
    own.proof.add(currency, amount);
    const fault = mapping.balance === null ? null : follow({ ...told, bankId, day, valueDay, balance });
    const item: BankItem = { ...told, statement, identity };
    return fault === null ? [item] : [item, fault];
  }

  /** Whether the row's balance continues that of the row before it. */
  function follow(one: CsvEntry): BankFault | null {
    const key = MONEY_KEY(one.account, one.currency);
    const before = running.get(key);
    if (before === undefined) {
      running.set(key, { first: one, last: one, from: one.at, to: one.at, isBroken: false });
      return null;
    }
    const last = before.last;
    before.last = one;
    before.from = Math.min(before.from, one.at);
    before.to = Math.max(before.to, one.at);
    const isNewestFirst = mapping.balance?.order === 'newest_first';
    const expected = isNewestFirst ? (last.balance ?? 0n) - last.amount : (last.balance ?? 0n) + one.amount;
    if (one.balance === expected) return null;
    before.isBroken = true;
    return contradiction(
      { row: one.row, field: mapping.balance?.column ?? '' },
      `does not continue the balance of row ${last.row}: a row is missing, doubled or in another order (mapping: balance.order)`,
      { statement, expected: moneyText(expected, one.currency), found: moneyText(one.balance ?? 0n, one.currency) },
    );
  }

  function end(): BankItem[] {
    if (over) return [];
    if (read === null) return [noHeader()];
    const hasStated = mapping.opening !== null || mapping.closing !== null;
    if ('value' in mapping.account && !hasUnread) {
      // A file without entries is a statement as well: of days on which nothing happened.
      const account = accountText(mapping.account.value);
      const { proof } = proofs.get(account) ?? { proof: createBalanceProof() };
      if ('value' in mapping.currency) proof.begins(mapping.currency.value.toUpperCase());
      if (!proofs.has(account)) proofs.set(account, { proof, row: 1, from: null, to: null });
    }
    return [...proofs].flatMap(([account, { proof, row: at, from, to }]) => {
      for (const currency of proof.currencies()) {
        const run = running.get(MONEY_KEY(account, currency));
        if (run !== undefined) balances(proof, currency, run);
        else if (hasStated) {
          if (stated.opening !== null) proof.opens(currency, { amount: stated.opening, at: from });
          if (stated.closing !== null) proof.closes(currency, { amount: stated.closing, at: to });
        }
      }
      const told = proof.told({ row: at, account, statement, number: null, copy: false }, hasStated);
      const isTold = hasUnread || [...running.values()].some(({ isBroken }) => isBroken);
      return isTold ? told.filter(({ type }) => type === 'statement') : told;
    });
  }

  function balances(proof: BalanceProof, currency: string, { first, last, from, to }: Running): void {
    const [oldest, newest] = mapping.balance?.order === 'newest_first' ? [last, first] : [first, last];
    proof.opens(currency, { amount: (oldest.balance ?? 0n) - oldest.amount, at: from });
    proof.closes(currency, { amount: newest.balance ?? 0n, at: to });
  }

  const unread = (): void => {
    hasUnread = true;
  };
  return { row, end, unread, isOver: () => over };
}
