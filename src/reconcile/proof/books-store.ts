import { chart, pathPart } from '../../ledger/chart.ts';
import type { Sql } from '../../postgres/sql.ts';

/** The open-item accounts of a processor account, in the order its money goes through them. */
export const ROLES = [
  'processor_pending',
  'processor_balance',
  'bank_in_transit',
  'processor_reserve',
  'disputes_receivable',
  'refunds_payable',
  'suspense',
] as const;
export type Role = (typeof ROLES)[number];

const PREFIXES: Readonly<Record<Role, string>> = {
  processor_pending: prefixOf(chart.processorPending),
  processor_balance: prefixOf(chart.processorBalance),
  bank_in_transit: prefixOf(chart.bankInTransit),
  processor_reserve: prefixOf(chart.processorReserve),
  disputes_receivable: prefixOf(chart.disputesReceivable),
  refunds_payable: prefixOf(chart.refundsPayable),
  suspense: prefixOf(chart.suspense),
};

function prefixOf(account: (books: { provider: string; account: string }) => { path: string }): string {
  return account({ provider: '', account: '' }).path.slice(0, -1);
}

/** Whose books: all accounts where it is null. */
export type Selection = { readonly provider: string | null; readonly account: string | null };

export type BookAccount = {
  readonly id: number;
  readonly role: Role;
  readonly provider: string;
  readonly account: string;
};

const BOOKS_MAX = 20_000;

/** The open-item accounts there are of whom is asked for, in the order of provider, account and role. */
export async function listBooks(sql: Sql, { provider, account }: Selection): Promise<BookAccount[]> {
  const { rows } = await sql.query<{ id: number; path: string }>(
    `select a.id, a.path from postern.accounts a
     where a.open_item and exists (select from unnest($1::text[]) as r (prefix) where starts_with(a.path, r.prefix))
     order by a.path limit ${BOOKS_MAX}`,
    [Object.values(PREFIXES).map((prefix) => (provider === null ? prefix : `${prefix}${pathPart(provider)}:`))],
  );
  return rows
    .flatMap(({ id, path }) => {
      const role = ROLES.find((one) => path.startsWith(PREFIXES[one]));
      const [p, a] = role === undefined ? [] : path.slice(PREFIXES[role].length).split(':').map(nameOf);
      if (role === undefined || p === undefined || a === undefined) return [];
      return account === null || a === account ? [{ id, role, provider: p, account: a }] : [];
    })
    .sort((a, b) => compare(a.provider, b.provider) || compare(a.account, b.account) || rank(a) - rank(b));
}

export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const rank = ({ role }: BookAccount): number => ROLES.indexOf(role);
const nameOf = (part: string): string => part.replaceAll('%3A', ':').replaceAll('%25', '%');

/** A processor account as finance knows it: from its endpoints, its reports and its books. */
export type KnownAccount = {
  readonly provider: string;
  readonly account: string;
  /** In whose days its books are kept. */
  readonly zone: string;
  readonly mode: string | null;
  readonly bankAccount: string | null;
};

const KNOWN_MAX = 10_000;

/** Accounts of whom is asked for that have an endpoint or a report. Several endpoints may share one: the oldest one's settings. */
export async function listKnownAccounts(sql: Sql, { provider, account }: Selection): Promise<KnownAccount[]> {
  const { rows } = await sql.query<{
    provider: string;
    account: string;
    zone: string | null;
    mode: string | null;
    bank_account: string | null;
  }>(
    `select distinct on (k.provider, k.account) k.provider, k.account, k.settings ->> 'time_zone' as zone,
       k.settings ->> 'settlement_mode' as mode, k.settings ->> 'bank_account' as bank_account
     from (
       select e.provider collate "C" as provider, e.account collate "C" as account, e.settings, e.id from postern.endpoints e
       union all
       select s.provider, s.account, null, 2147483647 from (select distinct provider, account from postern.settlements) as s
     ) as k
     where ($1::text is null or k.provider = $1) and ($2::text is null or k.account = $2)
     order by k.provider, k.account, k.id limit ${KNOWN_MAX}`,
    [provider, account],
  );
  return rows.map((row) => ({
    provider: row.provider,
    account: row.account,
    zone: row.zone ?? 'UTC',
    mode: row.mode,
    bankAccount: row.bank_account,
  }));
}
