import { lookedAt } from '../../ledger/draft.ts';
import { paymentKey } from '../../ledger/payment-state.ts';
import type { Tx } from '../../postgres/sql.ts';
import { type Group, paymentsOf } from './derive.ts';
import { selectEventsAbout, selectPosted } from './rederive-store.ts';
import type { ToldEvent } from './told-event.ts';

/** More events or effects than a payment has: it is told as not comparable, not read into memory. */
const A_PAYMENT_MAX = 1_000;
/** A chain of payments that name each other: each step is a read. */
const STEPS_MAX = 16;

export type Gathered = {
  /** Whole payments. */
  readonly groups: readonly Group[];
  /** Payments with too many events or effects, and their events. */
  readonly crowded: readonly Group[];
  /** Events that are found from any event of their payment; the others only from themselves. */
  readonly found: ReadonlySet<string>;
};

/** An event's payment as a reference: what its adapter noted the event under. */
type Payment = { readonly prefix: string; readonly reference: string };

/**
 * Everything that belongs to the payments these events look at: other events about them, found by what adapters noted them
 * under and by what they posted, and the payments that those look at in turn.
 */
export async function gather(
  tx: Tx,
  looking: readonly ToldEvent[],
  read: (ids: readonly string[]) => Promise<ToldEvent[]>,
): Promise<Gathered> {
  const events = new Map(looking.map((event) => [event.id, event]));
  const crowded = new Set<string>();
  const allFound = new Set<string>();
  const seen = new Set<string>();
  let fresh = paymentsIn(events.values(), seen);
  for (let step = 0; fresh.length > 0; step += 1) {
    const found = new Set<string>();
    const perReference = new Map<string, number>();
    for (const { reference, event } of await selectEventsAbout(
      tx,
      unique(fresh.map((one) => one.reference)),
      A_PAYMENT_MAX,
    )) {
      perReference.set(reference, (perReference.get(reference) ?? 0) + 1);
      found.add(event);
    }
    const prefixes = fresh.map((one) => one.prefix);
    const perPrefix = new Map<string, number>();
    for (const { effectKey, sourceEvent } of await selectPosted(
      tx,
      { keys: [], events: [], prefixes },
      A_PAYMENT_MAX,
    )) {
      if (sourceEvent !== null) found.add(sourceEvent);
      for (const prefix of prefixes) {
        if (effectKey.startsWith(prefix)) perPrefix.set(prefix, (perPrefix.get(prefix) ?? 0) + 1);
      }
    }
    for (const { prefix, reference } of fresh) {
      const isCrowded = Math.max(perReference.get(reference) ?? 0, perPrefix.get(prefix) ?? 0) >= A_PAYMENT_MAX;
      if (isCrowded || step >= STEPS_MAX) crowded.add(prefix);
    }
    if (step >= STEPS_MAX) break;
    const unread = [...found].filter((id) => !events.has(id));
    for (const id of found) allFound.add(id);
    for (const event of await read(unread)) events.set(event.id, event);
    fresh = paymentsIn(events.values(), seen);
  }
  return { ...grouped([...events.values()], [...seen], crowded), found: allFound };
}

function paymentsIn(events: Iterable<ToldEvent>, seen: Set<string>): Payment[] {
  const fresh: Payment[] = [];
  for (const event of events) {
    if (event.kind !== 'tells') continue;
    const prefixes = paymentsOf(event);
    for (const prefix of prefixes) {
      if (seen.has(prefix)) continue;
      seen.add(prefix);
      const look = event.asked.find((asked) => paymentKey(asked) === prefix)?.draft.look ?? null;
      fresh.push({ prefix, reference: look === null ? '' : lookedAt(look) });
    }
  }
  return fresh;
}

/** Payments that one event looks at belong together. */
function grouped(
  events: readonly ToldEvent[],
  prefixes: readonly string[],
  crowded: ReadonlySet<string>,
): Omit<Gathered, 'found'> {
  const parent = new Map(prefixes.map((prefix) => [prefix, prefix]));
  const rootOf = (prefix: string): string => {
    let root = prefix;
    for (let up = parent.get(root); up !== undefined && up !== root; up = parent.get(root)) root = up;
    return root;
  };
  const touchedBy = new Map(events.map((event) => [event.id, touched(event, prefixes)]));
  for (const event of events) {
    const [first, ...rest] = touchedBy.get(event.id) ?? [];
    if (first !== undefined) for (const other of rest) parent.set(rootOf(other), rootOf(first));
  }
  const groups = new Map<string, { payments: Set<string>; events: ToldEvent[] }>();
  for (const prefix of prefixes) {
    const root = rootOf(prefix);
    const group = groups.get(root) ?? { payments: new Set(), events: [] };
    group.payments.add(prefix);
    groups.set(root, group);
  }
  for (const event of events) {
    const [first] = touchedBy.get(event.id) ?? [];
    if (first !== undefined) groups.get(rootOf(first))?.events.push(event);
  }
  const isCrowded = ({ payments }: Group): boolean => [...payments].some((prefix) => crowded.has(prefix));
  const all = [...groups.values()];
  return { groups: all.filter((group) => !isCrowded(group)), crowded: all.filter(isCrowded) };
}

/** The payments an event looks at, or has an effect under. */
function touched(event: ToldEvent, prefixes: readonly string[]): string[] {
  if (event.kind !== 'tells') return [];
  const keys = event.asked.map(({ draft, context }) => `${context.provider}:${context.account}:${draft.key}`);
  const looked = new Set(paymentsOf(event));
  return prefixes.filter((prefix) => looked.has(prefix) || keys.some((key) => key.startsWith(prefix)));
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];
