import { chart, pathPart } from '../../ledger/chart.ts';
import type { Sql } from '../../postgres/sql.ts';
import type { FeeTerm } from '../../providers/provider.ts';

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
  readonly feeContract: readonly FeeTerm[];
};

const KNOWN_MAX = 10_000;

/**
 * Accounts of whom is asked for that have an endpoint or a report. Several endpoints may share one: each setting is that of the
 * first that has it.
 */
export async function listKnownAccounts(sql: Sql, { provider, account }: Selection): Promise<KnownAccount[]> {
  const first = (name: string) =>
    `(array_agg(k.settings ->> '${name}' order by k.id) filter (where k.settings ->> '${name}' is not null))[1]`;
  const { rows } = await sql.query<{
    provider: string;
    account: string;
    zone: string | null;
    mode: string | null;
    bank_account: string | null;
    fee_contract: string | null;
  }>(
    `select k.provider, k.account, ${first('time_zone')} as zone, ${first('settlement_mode')} as mode,
       ${first('bank_account')} as bank_account, ${first('fee_contract')} as fee_contract
     from (
       select e.provider collate "C" as provider, e.account collate "C" as account, e.settings, e.id from postern.endpoints e
       union all
       select s.provider, s.account, null, null from (select distinct provider, account from postern.settlements) as s
     ) as k
     where ($1::text is null or k.provider = $1) and ($2::text is null or k.account = $2)
     group by 1, 2 order by 1, 2 limit ${KNOWN_MAX}`,
    [provider, account],
  );
  return rows.map((row) => ({
    provider: row.provider,
    account: row.account,
    zone: row.zone ?? 'UTC',
    mode: row.mode,
    bankAccount: row.bank_account,
    feeContract: row.fee_contract === null ? [] : termsOf(JSON.parse(row.fee_contract)),
  }));
}

/** They were checked when they were set. */
const termsOf = (value: unknown): FeeTerm[] => (Array.isArray(value) ? (value as FeeTerm[]) : []);
