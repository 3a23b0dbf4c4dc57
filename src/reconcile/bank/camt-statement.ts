import type { BankFault, BankItem } from '../bank-format.ts';
import { createBalanceProof } from './balance-proof.ts';
import { readAmount } from './bank-amount.ts';
import { contradiction, unreadable } from './bank-fault.ts';
import { createCamtBalances } from './camt-balances.ts';
import { type CamtEntryReader, createCamtEntryReader } from './camt-entry.ts';
import { createCamtSummary } from './camt-summary.ts';
import type { Days } from './day.ts';
import { accountText } from './entry-references.ts';
import { type Identities, NAMED_MAX } from './identities.ts';
import type { createStatementChain } from './statement-chain.ts';
import type { StatementScopes } from './statement-scopes.ts';

export type CamtStatement = ReturnType<typeof createCamtStatement>;

/** What the statements of one file share. */
export type CamtFile = {
  readonly days: Days;
  readonly identities: Identities;
  readonly scopes: StatementScopes;
  readonly chain: ReturnType<typeof createStatementChain>;
  /** Of statements read before. */
  readonly keys: Set<string>;
};

const COPIES = new Set(['COPY', 'DUPL', 'CODU']);
const KEYS_MAX = 100_000;

/** One Stmt: a statement, or a page of one. */
export function createCamtStatement(row: number, { days, identities, scopes, chain, keys }: CamtFile) {
  const proof = createBalanceProof();
  const balances = createCamtBalances(days);
  const summary = createCamtSummary();
  const values = new Map<string, string>();
  let entry: CamtEntryReader | null = null;
  let position = 0;
  let key: string | null = null;
  let scope = 0;
  let hasUnread = false;

  const stated = (...paths: readonly string[]): string =>
    paths.map((path) => values.get(path)).find((text) => text !== undefined && text !== '') ?? '';
  const id = (): string => stated('Id').replaceAll(/\s+/g, ' ').slice(0, ID_MAX);
  const account = (): string =>
    accountText(stated('Acct/Id/IBAN', 'Acct/Id/Othr/Id', 'Acct/Id/PrtryAcct/Id', 'Acct/Id/BBAN').slice(0, ID_MAX));
  const page = (): number | null => wholeNumber(stated('StmtPgntn/PgNb'));
  const isFirstPage = (): boolean => page() === null || page() === 1;
  const number = (): number | null => wholeNumber(stated('ElctrncSeqNb', 'LglSeqNb'));

  /** More than its id, which Rabobank begins anew every year; the same again when the statement comes again. */
  function statementKey(): string {
    const opening = balances.firstOpening();
    const day = opening?.day ?? stated('FrToDt/FrDtTm', 'FrToDt/FrDt', 'CreDtTm').slice(0, 10);
    return [id(), page() ?? '', day, opening === null ? '' : `${opening.amount}${opening.currency}`].join('/');
  }

  function open(path: string, at: number): void {
    if (path === 'Ntry') entry = createCamtEntryReader(at);
    else if (entry !== null) entry.open(path.slice('Ntry/'.length));
    else if (path === 'Bal') balances.begin(at);
  }

  function close(path: string, text: string, attributes: Readonly<Record<string, string>>, at: number): BankItem[] {
    if (path === 'Ntry') return endOfEntry(at);
    if (entry !== null) entry.close(path.slice('Ntry/'.length), text, attributes, at);
    else if (path === 'Bal') {
      const faults = balances.end();
      if (faults.length > 0) hasUnread = true;
      return faults;
    } else if (path.startsWith('Bal/')) balances.close(path.slice('Bal/'.length), text, attributes, at);
    else if (path.startsWith('TxsSummry/')) summary.close(path.slice('TxsSummry/'.length), text, at);
    else if (KEPT.has(path) && !values.has(path)) values.set(path, text);
    return [];
  }

  function endOfEntry(at: number): BankItem[] {
    const read = entry?.read(days, account()) ?? { kind: 'not booked' as const };
    entry = null;
    if (read.kind === 'not booked') summary.notBooked();
    if (read.kind === 'faults') hasUnread = true;
    if (read.kind !== 'booked') return read.kind === 'faults' ? [...read.faults] : [];
    const faults: BankFault[] = read.faults.map((fault) => ({ ...fault, statement: id() }));
    const { bankReference, day, ...told } = read.entry;
    position += 1;
    if (account() === '')
      faults.push(
        unreadable({ row: at, field: 'Acct/Id' }, 'stands before the account of its statement, or there is none'),
      );
    if (key === null) {
      key = statementKey();
      // Banks give each page an id of its own, but one number.
      scope = scopes.statement(account(), String(number() ?? id()), isFirstPage());
      // Its entries would be taken for others with the same references, and be posted a second time.
      const own = `${account()} ${key}`;
      if (keys.has(own))
        faults.push(
          contradiction({ row }, 'it is in this file already', { statement: id(), expected: 'once', found: 'twice' }),
        );
      if (keys.size < KEYS_MAX) keys.add(own);
    }
    const identity =
      bankReference === null
        ? identities.byPosition(key, position)
        : identities.byReference(scope, account(), bankReference, day, told.amount, told.currency);
    if (identity === null)
      return [unreadable({ row: at }, `the file has more than ${NAMED_MAX} entries: ask the bank for shorter periods`)];
    proof.add(told.currency, told.amount);
    summary.booked(told.amount);
    return [{ ...told, account: account(), statement: id(), identity }, ...faults];
  }

  function end(): BankItem[] {
    const head = { row, account: account(), statement: id(), number: null, copy: COPIES.has(stated('CpyDplctInd')) };
    const no = number();
    const pageNo = page();
    const isLast = !['false', '0'].includes(stated('StmtPgntn/LastPgInd'));
    const isPaged = pageNo !== null && !(pageNo === 1 && isLast);
    balances.apply(proof, { isFirst: isFirstPage(), isLast });
    if (proof.currencies().length === 0 && ownCurrency() !== '') proof.begins(ownCurrency());
    const unread = [
      ...(head.account === '' ? [unreadable({ row, field: 'Acct/Id' }, 'has no account')] : []),
      ...(proof.currencies().length === 0 && !hasUnread
        ? [unreadable({ row, field: 'Acct/Ccy' }, 'has neither entries nor balances')]
        : []),
      ...(head.statement === '' ? [unreadable({ row, field: 'Id' }, 'has no id')] : []),
    ];
    const year = yearOf(balances.lastDay() ?? stated('FrToDt/ToDtTm', 'FrToDt/ToDt', 'CreDtTm'));
    const told = proof.told({ ...head, number: no === null ? null : { year, value: no } }, !isPaged);
    const chained = proof.currencies().flatMap((currency) =>
      chain.follow({
        ...head,
        currency,
        number: no,
        page: pageNo,
        isFirst: isFirstPage(),
        isLast,
        opening: proof.opening(currency)?.amount ?? null,
        sum: proof.sum(currency),
        closing: proof.closing(currency)?.amount ?? null,
      }),
    );
    const isOneCurrency = proof.currencies().length === 1;
    // That it does not close is no news where an entry could not be read.
    if (hasUnread) return [...unread, ...told.filter(({ type }) => type === 'statement')];
    return [
      ...unread,
      ...told,
      ...chained,
      ...[...balances.contradictions(), ...(isOneCurrency ? summary.contradictions(ownCurrency()) : [])].map(
        (fault) => ({
          ...fault,
          statement: head.statement,
        }),
      ),
    ];
  }

  const ownCurrency = (): string => {
    const currency = stated('Acct/Ccy');
    return readAmount('0', currency).kind === 'amount' ? currency : (balances.currency() ?? '');
  };

  return { open, close, end };
}

const ID_MAX = 140;
const KEPT = new Set([
  'Id',
  'ElctrncSeqNb',
  'LglSeqNb',
  'CreDtTm',
  'CpyDplctInd',
  'StmtPgntn/PgNb',
  'StmtPgntn/LastPgInd',
  'FrToDt/FrDtTm',
  'FrToDt/FrDt',
  'FrToDt/ToDtTm',
  'FrToDt/ToDt',
  'Acct/Id/IBAN',
  'Acct/Id/BBAN',
  'Acct/Id/Othr/Id',
  'Acct/Id/PrtryAcct/Id',
  'Acct/Ccy',
]);

const wholeNumber = (text: string): number | null => (/^\d{1,15}$/.test(text) ? Number(text) : null);

const yearOf = (day: string): number | null => (/^\d{4}-/.test(day) ? Number(day.slice(0, 4)) : null);
