import { createHash } from 'node:crypto';
import { PosternError } from '../../errors.ts';
import type { Allocation } from '../../ledger/match-rules.ts';
import type { Ledger, PostRequest } from '../../ledger/post.ts';
import { reverseTransaction } from '../../ledger/reversal.ts';
import { fromMatch } from '../../ledger/source.ts';
import type { Tx } from '../../postgres/sql.ts';
import { uuidv7 } from '../../uuid.ts';
import { type ItemAccount, type ItemFacts, type ItemKey, itemId, lastOf } from './items.ts';
import type { Wish } from './match-pending.ts';
import { insertMatches, type Match, matchesOf, noteUndone, replaceSuggestions, timesMatched } from './match-store.ts';

export type ApplyParts = {
  readonly ledger: Pick<Ledger, 'post'>;
  readonly clock: { now(): number };
  readonly accountOf: (id: number) => ItemAccount | undefined;
  readonly zoneOf: (account: ItemAccount) => string;
};

const SYSTEM = 'system';

/**
 * Brings what passes posted about these items to what they wish now: posts what is missing, reverses what a later arrival made
 * wrong. Returns the items that this moved.
 */
export async function applyWishes(
  tx: Tx,
  { items, wishes, ambiguous }: { items: readonly ItemFacts[]; wishes: readonly Wish[]; ambiguous: readonly Wish[] },
  parts: ApplyParts,
): Promise<ItemKey[]> {
  const now = new Date(parts.clock.now());
  const standing = await matchesOf(tx, items);
  const wished = new Map(wishes.map((wish) => [baseOf(wish), wish]));
  const known = new Set(standing.map(baseOf));
  const undone = standing.filter((match) => !wished.has(baseOf(match)));
  for (const { transactionId } of undone) {
    const order = { id: transactionId, actor: SYSTEM, reason: 'what came since fits it no more' };
    const result = await reverseTransaction(tx, order, { clock: parts.clock });
    // Somebody else took it back: that is what was wanted.
    if (result.kind === 'refused' && result.code !== 'conflict') throw new PosternError('internal', result.message);
  }
  if (undone.length > 0)
    await noteUndone(
      tx,
      undone.map(({ id }) => id),
      now,
    );
  const fresh = [...wished].filter(([base]) => !known.has(base)).map(([, wish]) => wish);
  const posted = await postWishes(tx, fresh, SYSTEM, items, parts);
  const suggested = ambiguous.map((wish) => ({ ...wish, id: uuidv7(now.getTime()) }));
  await replaceSuggestions(tx, items, suggested, now);
  return distinct([...undone, ...posted].flatMap(({ debit, credit }) => [debit, credit]));
}

/** Posts allocations as this actor's and notes them. */
export async function postWishes(
  tx: Tx,
  wishes: readonly Wish[],
  actor: string,
  items: readonly ItemFacts[],
  { ledger, accountOf, zoneOf, clock }: ApplyParts,
): Promise<Match[]> {
  if (wishes.length === 0) return [];
  const times = await timesMatched(tx, wishes.map(baseOf));
  const facts = new Map(items.map((one) => [itemId(one), one]));
  const named = wishes.map((wish) => ({ wish, id: `${baseOf(wish)}:${times.get(baseOf(wish)) ?? 0}` }));
  const requests = named.map(({ wish, id }): PostRequest => {
    const account = accountOf(wish.accountId);
    if (account === undefined) throw new PosternError('internal', `account ${wish.accountId} has no open items`);
    const at = Math.max(
      ...[wish.debit, wish.credit].flatMap((part) => {
        const mine = facts.get(itemId(part));
        return mine === undefined ? [] : (lastOf(mine, 'announced', 'line', 'bank') ?? []);
      }),
      0,
    );
    const { pass, score } = wish;
    const { provider, account: name } = account;
    return {
      source: fromMatch({ pass, score, actor }),
      provider,
      account: name,
      marketplace: null,
      zone: zoneOf(account),
      events: [allocationOf(wish, id, account, at === 0 ? clock.now() : at)],
    };
  });
  const results = await ledger.post(tx, requests);
  const matches = named.map(({ wish, id }, n): Match => {
    const result = results[n];
    const transactionId = result?.kind === 'posted' ? result.transactions[0] : undefined;
    if (transactionId === undefined)
      throw new PosternError('internal', `match ${id} was not posted: ${result?.kind ?? 'no answer'}`);
    return { ...wish, id, actor, transactionId };
  });
  await insertMatches(tx, matches, new Date(clock.now()));
  return matches;
}

function allocationOf(wish: Wish, id: string, { role }: ItemAccount, at: number): Allocation {
  const part = ({ reference, component }: ItemKey) => {
    if (component === '') return { reference };
    if (component !== 'gross' && component !== 'fee' && component !== 'dispute')
      throw new PosternError('internal', `item ${reference} has the component ${component}`);
    return { reference, component } as const;
  };
  const { amount, currency, debit, credit } = wish;
  return {
    type: 'match.allocated',
    id,
    item: role,
    amount,
    currency,
    at,
    debit: part(debit),
    credit: part(credit),
  };
}

/** What it allocates, whoever wished it and how often: the same wish is the same match. */
export function baseOf({ accountId, currency, debit, credit, amount }: Wish): string {
  const content = [accountId, currency, debit.reference, debit.component, credit.reference, credit.component, `${amount}`];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32);
}

const distinct = (items: readonly ItemKey[]): ItemKey[] => [
  ...new Map(items.map((item) => [itemId(item), item])).values(),
];
