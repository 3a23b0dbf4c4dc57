import { messageOf, PosternError } from '../../errors.ts';
import type { Entry } from '../../ledger/entry.ts';
import { createViewer } from '../../ledger/look.ts';
import { isSameMoney } from '../../ledger/older-rules.ts';
import { type Asked, prefixOf } from '../../ledger/payment-state.ts';
import { viewAll } from '../../ledger/post.ts';
import { draftsOf, RULE_VERSION } from '../../ledger/rules.ts';
import type { Tx } from '../../postgres/sql.ts';
import { uuidv7 } from '../../uuid.ts';
import type { Interpretation } from '../interpret.ts';
import { type PostedTransaction, selectPosted } from '../rederive/rederive-store.ts';

export type Posting = Extract<Interpretation, { kind: 'post' }>;

/** What posting an event would do on the books as they stand. */
export type Foreseen =
  /** `fresh`: what is not there yet. Empty: all of it stands. Without `moves` it is about no money. */
  | { readonly kind: 'posts'; readonly fresh: readonly Entry[]; readonly moves: boolean }
  | { readonly kind: 'nothing'; readonly reason: string }
  | { readonly kind: 'waits'; readonly effectKey: string }
  | { readonly kind: 'conflict'; readonly told: Entry; readonly stands: PostedTransaction }
  | { readonly kind: 'fails'; readonly code: string; readonly message: string };

/**
 * Runs events through the rules and compares with what is posted, by effect key, as posting does; reads only, and holds nothing.
 * Each sees what those before it would post. One result an event, in their order.
 */
export async function foresee(tx: Tx, events: readonly Posting[]): Promise<Foreseen[]> {
  const asked = events.map(askedBy);
  const viewer = await createViewer(
    tx,
    asked.flatMap((one) => ('asked' in one ? one.asked : [])),
    () => uuidv7(0),
  );
  const views = asked.map((one) => {
    if ('fails' in one) return one.fails;
    const effectKey = viewer.waitsFor(one.asked);
    return effectKey === null ? viewAll(viewer, one.asked) : ({ kind: 'waits', effectKey } as const);
  });
  const keys = new Set(views.flatMap((view) => (Array.isArray(view) ? view.map(({ effectKey }) => effectKey) : [])));
  const posted = keys.size === 0 ? [] : await selectPosted(tx, { keys: [...keys], events: [], prefixes: [] }, 0);
  const standing = new Map(posted.map((one) => [one.effectKey, one]));
  const claimed = new Set<string>();
  return views.map((view, n) => {
    if (!isEntries(view)) return view;
    const found = compared(view, standing, claimed);
    return found.kind === 'conflict' ? { ...found, told: asTold(found.told, asked[n]) } : found;
  });
}

/** What would be posted beside what stands may be nothing: a contradiction is told with the event's own amounts. */
function asTold(entry: Entry, read: ReturnType<typeof askedBy> | undefined): Entry {
  if (entry.legs.length > 0 || read === undefined || !('asked' in read)) return entry;
  const told = read.asked.find((one) => prefixOf(one) + one.draft.key === entry.effectKey);
  return told === undefined ? entry : { ...entry, legs: told.draft.legs };
}

const isEntries = (view: readonly Entry[] | Foreseen): view is readonly Entry[] => Array.isArray(view);

function askedBy(event: Posting): { asked: readonly Asked[] } | { fails: Extract<Foreseen, { kind: 'fails' }> } {
  const { provider, marketplace } = event;
  const context = { provider, account: event.event.account, marketplace };
  try {
    return { asked: event.effects.flatMap((effect) => draftsOf(effect, context).map((draft) => ({ draft, context }))) };
  } catch (error) {
    const code = error instanceof PosternError ? error.code : 'rule_failed';
    return { fails: { kind: 'fails', code, message: messageOf(error) } };
  }
}

function compared(
  entries: readonly Entry[],
  standing: ReadonlyMap<string, PostedTransaction>,
  claimed: Set<string>,
): Foreseen {
  for (const entry of entries) {
    const stands = standing.get(entry.effectKey);
    if (stands !== undefined && entry.yields !== true && !isSame(entry, stands))
      return { kind: 'conflict', told: entry, stands };
  }
  const fresh = entries.filter(({ effectKey }) => !standing.has(effectKey) && !claimed.has(effectKey));
  for (const { effectKey } of fresh) claimed.add(effectKey);
  if (entries.length === 0) return { kind: 'nothing', reason: 'the amount is zero' };
  return { kind: 'posts', fresh, moves: fresh.length < entries.length || fresh.some(({ legs }) => legs.length > 0) };
}

/** As posting judges: the same was told, or an older version of the rules read the same money out of it. */
function isSame(entry: Entry, stands: PostedTransaction): boolean {
  return (
    entry.content.equals(stands.content) || (stands.ruleVersion < RULE_VERSION && isSameMoney(entry.legs, stands.legs))
  );
}
