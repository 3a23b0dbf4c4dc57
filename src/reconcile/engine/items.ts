/** The open-item accounts that reconciliation works on, by role. */
export const ITEM_ROLES = [
  'processor_pending',
  'processor_balance',
  'bank_in_transit',
  'refunds_payable',
  'disputes_receivable',
  'processor_reserve',
  'suspense',
] as const;
export type ItemRole = (typeof ITEM_ROLES)[number];

/** A ledger account of open items: what it is for, and whose it is. */
export type ItemAccount = {
  readonly id: number;
  readonly role: ItemRole;
  readonly provider: string;
  readonly account: string;
};

/** Which item of an account. Amounts are minor units of `currency`, debit positive. */
export type ItemKey = {
  readonly accountId: number;
  readonly reference: string;
  readonly component: string;
  readonly currency: string;
};

export const itemId = (item: ItemKey): string =>
  JSON.stringify([item.accountId, item.reference, item.component, item.currency]);

/** Of a path as `asset:processor_pending:stripe:acct_1`; null for what no item of ours is on (memo accounts). */
export function itemAccountOf({ id, path }: { readonly id: number; readonly path: string }): ItemAccount | null {
  const [, role, provider, account, ...rest] = path.split(':');
  const known = ITEM_ROLES.find((one) => one === role);
  if (known === undefined || provider === undefined || account === undefined || rest.length > 0) return null;
  if (path.startsWith('memo:')) return null;
  return { id, role: known, provider: decoded(provider), account: decoded(account) };
}

const decoded = (part: string): string => part.replaceAll('%3A', ':').replaceAll('%25', '%');

/**
 * Who moved an item: an announcement, a line of a report, its payout or what it hands on, a period's opening or closing, a bank
 * line, a fee that its line recognised, an allocation (by a pass or by a person), a write-off.
 */
export type Mover =
  | 'announced'
  | 'line'
  | 'payout_line'
  | 'opening'
  | 'closing'
  | 'bank'
  | 'recognised'
  | 'passed'
  | 'allocated'
  | 'written_off';

/** All movements of one mover on one item, without what was reversed. Times are unix ms. */
export type Movements = {
  readonly sum: bigint;
  readonly count: number;
  readonly least: bigint;
  readonly most: bigint;
  /** One of them, or the last of them together, is exactly what the item is open by. */
  readonly isWhole: boolean;
  readonly first: number;
  readonly last: number;
};

/** What is known of one item from its postings alone. */
export type ItemFacts = ItemKey & {
  readonly amount: bigint;
  readonly moved: Partial<Readonly<Record<Mover, Movements>>>;
  /** Unix ms. Of what comes and goes under one reference: since when the oldest of what is left has been there. */
  readonly leftSince?: number;
};

export const sumOf = (facts: ItemFacts, ...movers: readonly Mover[]): bigint =>
  movers.reduce((sum, mover) => sum + (facts.moved[mover]?.sum ?? 0n), 0n);

export const countOf = (facts: ItemFacts, ...movers: readonly Mover[]): number =>
  movers.reduce((sum, mover) => sum + (facts.moved[mover]?.count ?? 0), 0);

/** When the first of these movements was; undefined where there is none. */
export const firstOf = (facts: ItemFacts, ...movers: readonly Mover[]): number | undefined =>
  least(movers.flatMap((mover) => facts.moved[mover]?.first ?? []));

export const lastOf = (facts: ItemFacts, ...movers: readonly Mover[]): number | undefined =>
  movers.flatMap((mover) => facts.moved[mover]?.last ?? []).sort((a, b) => b - a)[0];

/** Where what is promised or withheld waits for the processor; its age is that of what is left. */
export const waitsForProcessor = ({ role }: Pick<ItemAccount, 'role'>): boolean =>
  role === 'refunds_payable' || role === 'disputes_receivable' || role === 'processor_reserve';

const least = (times: readonly number[]): number | undefined => [...times].sort((a, b) => a - b)[0];
