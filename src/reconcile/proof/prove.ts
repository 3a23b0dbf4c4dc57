import type { Tx } from '../../postgres/sql.ts';
import { type BookAccount, compare, type KnownAccount, ROLES, type Role, type Selection } from './books-store.ts';
import { type ClosedBatches, closedBatches } from './closed-batches-store.ts';
import { type DayMovement, type Movement, movements } from './movement-store.ts';
import { LINES, type ProofLine, proofLine } from './proof-lines.ts';
import { type ProofSpan, type Standing, standings } from './proof-store.ts';
import { type BankSums, bankSums, type LineSums, lineSums, type Stated, statedBalances } from './stated-store.ts';

/** One line of a proof: what moved, and by what. */
export type ProofPart = {
  readonly line: ProofLine;
  readonly kind: string;
  readonly component: string | null;
  readonly count: number;
  readonly amount: bigint;
};

/** opening + Σ parts = closing = Σ open items, of one account of the books in one currency. */
export type Identity = {
  readonly role: Role;
  readonly opening: bigint;
  readonly parts: readonly ProofPart[];
  readonly closing: bigint;
  readonly openItems: bigint;
  /** Items that are not zero today. */
  readonly openCount: number;
  /** What the two do not have in common: 0 in right books. */
  readonly remainder: bigint;
};

export type AccountProof = {
  readonly provider: string;
  readonly account: string;
  readonly currency: string;
  /** Pending, processor balance, bank in transit, then what stands beside them where there is any. */
  readonly identities: readonly Identity[];
  /** The report's own closing and whether the books agree; null: no report states it. */
  readonly stated: { readonly closing: bigint; readonly difference: bigint } | null;
  /** No report states a balance; its batches of the period are paid out or handed on whole. */
  readonly batchesClose: boolean;
  /** Only payers' money: nothing was ever settled in this currency, and the account has another in which it is. */
  readonly settlesElsewhere: boolean;
  /** What the processor owes: the three identities' closings. */
  readonly owed: bigint;
  /** What it keeps back beside it. */
  readonly withheld: bigint;
  readonly comparisons: readonly Comparison[];
  /** Nothing is left over and no report disagrees. */
  readonly holds: boolean;
};

/** The same money as the ledger, the reports and the bank tell it; null: this side does not tell it. */
export type Comparison = {
  readonly what: 'net' | 'paid_out' | 'returned' | 'at_bank' | 'closing';
  readonly ledger: bigint;
  readonly report: bigint | null;
  readonly bank: bigint | null;
  /** Of the last two that are told. */
  readonly difference: bigint | null;
};

export type Proof = {
  readonly accounts: readonly AccountProof[];
  readonly lines: readonly LineSums[];
  /** Days that were read from postings: to be remembered for the next proof. */
  readonly learned: readonly DayMovement[];
};

const THREE: readonly Role[] = ['processor_pending', 'processor_balance', 'bank_in_transit'];

/** The proof of every account and currency that is asked for. Each figure comes from postings, and what it is held against does not. */
export async function prove(
  tx: Tx,
  asked: {
    readonly books: readonly BookAccount[];
    readonly known: readonly KnownAccount[];
    readonly selection: Selection;
  },
  span: ProofSpan,
): Promise<Proof> {
  const { books, known, selection } = asked;
  const ids = books.map(({ id }) => id);
  const standing = await standings(tx, ids, span);
  const { movements: moved, learned } = await movements(tx, ids, span);
  const stated = (await statedBalances(tx, asked, span)).filter((one) => !movedSince(one, books, moved));
  const balances = books.filter(({ role }) => role === 'processor_balance');
  const closed = await closedBatches(tx, balances, asked, span);
  const columns = {
    ids,
    providers: books.map((one) => one.provider),
    accounts: books.map((one) => one.account),
  };
  const lines = await lineSums(tx, columns, selection, span);
  const bank = await bankSums(tx, selection, span);
  const all = groups(books, standing, moved);
  const settled = all.filter(({ identities }) => !isUntouched(identities));
  const proofs = all.map((group) => accountProof(group, { stated, closed, settled, lines, bank, known }));
  return { accounts: proofs, lines, learned };
}

/** A control says nothing of what moved on later days: its closing is not that of the period then. */
function movedSince(
  { provider, account, currency, until }: Stated,
  books: readonly BookAccount[],
  moved: readonly DayMovement[],
): boolean {
  if (until === null) return false;
  const mine = new Set(
    books
      .filter((book) => book.role === 'processor_balance' && book.provider === provider && book.account === account)
      .map(({ id }) => id),
  );
  return sum(moved.filter((one) => one.day > until && one.currency === currency && mine.has(one.accountId))) !== 0n;
}

type Group = {
  readonly provider: string;
  readonly account: string;
  readonly currency: string;
  readonly identities: readonly Identity[];
};

function groups(books: readonly BookAccount[], standing: readonly Standing[], moved: readonly Movement[]): Group[] {
  const byId = new Map(books.map((book) => [book.id, book]));
  const found = new Map<string, { book: BookAccount; currency: string; roles: Map<Role, Identity> }>();
  const parts = Map.groupBy(moved, ({ accountId, currency }) => `${accountId} ${currency}`);
  for (const one of standing) {
    const book = byId.get(one.accountId);
    if (book === undefined) continue;
    const key = JSON.stringify([book.provider, book.account, one.currency]);
    const group = found.get(key) ?? { book, currency: one.currency, roles: new Map<Role, Identity>() };
    found.set(key, group);
    group.roles.set(book.role, identityOf(book.role, one, parts.get(`${one.accountId} ${one.currency}`) ?? []));
  }
  return [...found.values()]
    .map(({ book: { provider, account }, currency, roles }) => ({
      provider,
      account,
      currency,
      identities: ROLES.flatMap((role) => roles.get(role) ?? (THREE.includes(role) ? [emptyIdentity(role)] : [])),
    }))
    .filter(({ identities }) =>
      identities.some(
        ({ opening, parts: mine, closing, openItems }) =>
          opening !== 0n || mine.length > 0 || closing !== 0n || openItems !== 0n,
      ),
    )
    .sort(
      (a, b) => compare(a.provider, b.provider) || compare(a.account, b.account) || compare(a.currency, b.currency),
    );
}

const isUntouched = (identities: readonly Identity[]): boolean =>
  identities.every(
    ({ role, opening, parts, openItems }) =>
      role !== 'processor_balance' || (opening === 0n && parts.length === 0 && openItems === 0n),
  );

const emptyIdentity = (role: Role): Identity => ({
  role,
  opening: 0n,
  parts: [],
  closing: 0n,
  openItems: 0n,
  openCount: 0,
  remainder: 0n,
});

function identityOf(role: Role, standing: Standing, moved: readonly Movement[]): Identity {
  const parts = new Map<string, ProofPart>();
  for (const one of moved) {
    const line = proofLine(role, one);
    const key = JSON.stringify([line, one.kind, one.component]);
    const before = parts.get(key) ?? { line, kind: one.kind, component: one.component, count: 0, amount: 0n };
    parts.set(key, { ...before, count: before.count + one.count, amount: before.amount + one.amount });
  }
  const sorted = [...parts.values()].sort(
    (a, b) =>
      LINES.indexOf(a.line) - LINES.indexOf(b.line) ||
      compare(a.kind, b.kind) ||
      compare(a.component ?? '', b.component ?? ''),
  );
  const { opening, openItems, openCount } = standing;
  const closing = opening + sum(sorted);
  return { role, opening, parts: sorted, closing, openItems, openCount, remainder: closing - openItems };
}

type Sides = {
  readonly stated: readonly Stated[];
  readonly closed: readonly ClosedBatches[];
  /** Accounts and currencies with something on the processor's balance. */
  readonly settled: readonly Group[];
  readonly lines: readonly LineSums[];
  readonly bank: readonly BankSums[];
  readonly known: readonly KnownAccount[];
};

function accountProof(group: Group, sides: Sides): AccountProof {
  const { provider, account, currency, identities } = group;
  const mine = (one: { provider: string; account: string; currency: string }) =>
    one.provider === provider && one.account === account && one.currency === currency;
  const closingOf = (role: Role) => identities.find((one) => one.role === role)?.closing ?? 0n;
  const closing = sides.stated.find(mine)?.closing ?? null;
  const stated = closing === null ? null : { closing, difference: closing - closingOf('processor_balance') };
  const settings = sides.known.find((one) => one.provider === provider && one.account === account);
  return {
    ...group,
    stated,
    batchesClose: stated === null && sides.closed.some(mine),
    settlesElsewhere:
      stated === null &&
      isUntouched(identities) &&
      sides.settled.some((one) => one.provider === provider && one.account === account),
    owed: THREE.reduce((owed, role) => owed + closingOf(role), 0n),
    withheld: closingOf('processor_reserve'),
    comparisons: comparisons(identities, {
      closing,
      lines: sides.lines.filter(mine),
      bank: sides.bank.find(mine) ?? null,
      judgesBank: (settings?.bankAccount ?? null) !== null,
    }),
    holds: identities.every(({ remainder }) => remainder === 0n) && (stated === null || stated.difference === 0n),
  };
}

const OUT = new Set(['payout', 'topup']);
const REVERSAL = 'reversal of ';

function comparisons(
  identities: readonly Identity[],
  sides: { closing: bigint | null; lines: readonly LineSums[]; bank: BankSums | null; judgesBank: boolean },
): Comparison[] {
  const balance = identities.find(({ role }) => role === 'processor_balance');
  const transit = identities.find(({ role }) => role === 'bank_in_transit');
  const told = (side: 'gross' | 'net', wanted: (kind: string) => boolean) =>
    sides.lines.length === 0
      ? null
      : sides.lines.filter(({ kind }) => wanted(kind)).reduce((total, line) => total + line[side], 0n);
  const isNet = (kind: string) => !OUT.has(kind) && kind !== 'payout_reversal' && kind !== 'carry_forward';
  const bank = sides.judgesBank ? (sides.bank ?? { credits: 0n, returns: 0n }) : sides.bank;
  const paid = told('gross', (kind) => OUT.has(kind));
  const returned = told('net', (kind) => kind === 'payout_reversal');
  return [
    compared('net', booked(balance, 'settled'), told('net', isNet), null),
    compared('paid_out', booked(transit, 'paid_out'), paid === null ? null : -paid, null),
    compared('returned', booked(transit, 'returned'), returned === null ? null : -returned, null),
    compared(
      'at_bank',
      booked(transit, 'paid_out', 'returned'),
      paid === null || returned === null ? null : -paid - returned,
      bank === null ? null : bank.credits + bank.returns,
    ),
    compared('closing', balance?.closing ?? 0n, sides.closing, null),
  ];
}

/** What these lines of an identity come to, without what was taken back of them: a report that was amended tells only what stands. */
function booked(identity: Identity | undefined, ...lines: readonly ProofLine[]): bigint {
  if (identity === undefined) return 0n;
  const isMine = ({ line, kind, amount }: ProofPart): boolean => {
    if (line !== 'corrected') return lines.includes(line);
    const original = kind.slice(kind.startsWith(REVERSAL) ? REVERSAL.length : 0);
    return lines.includes(proofLine(identity.role, { kind: original, isDebit: amount < 0n }));
  };
  return sum(identity.parts.filter(isMine));
}

function compared(what: Comparison['what'], ledger: bigint, report: bigint | null, bank: bigint | null): Comparison {
  const difference = bank !== null ? bank - ledger : report !== null ? report - ledger : null;
  return { what, ledger, report, bank, difference };
}

const sum = (parts: readonly { amount: bigint }[]): bigint => parts.reduce((total, { amount }) => total + amount, 0n);
