import { isFeeLook } from '../../ledger/draft.ts';
import type { Entry, Leg } from '../../ledger/entry.ts';
import type { FeeState } from '../../ledger/fee-recognition.ts';
import { viewerOf } from '../../ledger/look.ts';
import { type Asked, emptyPayment, noteStanding, type PaymentState, paymentKey } from '../../ledger/payment-state.ts';
import { viewAll } from '../../ledger/post.ts';
import { uuidFloor, uuidv7 } from '../../uuid.ts';
import type { PostedTransaction } from './rederive-store.ts';
import type { ToldEvent } from './told-event.ts';

/** Everything that belongs together, because something looks at what stood before it; or events none of which looks. */
export type Group = {
  /** What the effect keys of its payments begin with. */
  readonly payments: ReadonlySet<string>;
  readonly events: readonly ToldEvent[];
};

/** An effect as the rules would have it. */
export type Derived = {
  /** As its first teller tells it: what is told again posts nothing. Null where something else stood under its key before. */
  readonly entry: Entry | null;
  readonly tellers: { readonly event: string; readonly content: Buffer; readonly legs: readonly Leg[] }[];
};

export type Derivation = {
  /** By effect key. */
  readonly effects: ReadonlyMap<string, Derived>;
  /** Why an event told nothing. */
  readonly silent: ReadonlyMap<string, string>;
};

type Step = { readonly at: string } & (
  | { readonly event: Extract<ToldEvent, { kind: 'tells' }> }
  | { readonly standing: PostedTransaction }
);

/** What a fee's recognition takes back came from a report's line, which no event can derive. */
const NO_FEES: ReadonlyMap<string, FeeState> = new Map();

/** After every id. */
const LAST = '~';

/**
 * What a group's events post by the rules, in the order in which they were worked: that decides which of several events posts
 * what they all tell, and in which steps a total was reached. What no event of the group led to (a report's line, a person, an
 * event whose bytes are gone) stands as it was posted.
 */
export function derive(
  group: Group,
  { posted, witnesses }: { readonly posted: readonly PostedTransaction[]; readonly witnesses: ReadonlySet<string> },
): Derivation {
  const payments = new Map<string, PaymentState>();
  for (const prefix of group.payments) payments.set(prefix, emptyPayment());
  const effects = new Map<string, Derived>();
  const silent = new Map<string, string>();
  const newId = () => uuidv7(0);
  const viewer = viewerOf(payments, NO_FEES, newId);
  const byId = new Map(posted.map((one) => [one.id, one]));
  for (const step of stepsOf(group, posted, witnesses)) {
    if ('standing' in step) {
      const { standing } = step;
      const reversed = byId.get(standing.reverses ?? '');
      if (reversed !== undefined) for (const payment of payments.values()) payment.captures.delete(reversed.effectKey);
      noteStanding(payments, standing);
      if (!effects.has(standing.effectKey)) effects.set(standing.effectKey, { entry: null, tellers: [] });
      continue;
    }
    const { event } = step;
    const waitsFor = viewer.waitsFor(event.asked);
    if (waitsFor !== null) {
      silent.set(event.id, `it would wait for ${waitsFor}`);
      continue;
    }
    for (const entry of viewAll(viewer, event.asked)) {
      noteStanding(payments, entry);
      const known = effects.get(entry.effectKey) ?? { entry, tellers: [] };
      known.tellers.push({ event: event.id, content: entry.content, legs: entry.legs });
      effects.set(entry.effectKey, known);
    }
  }
  for (const event of group.events) if (event.kind === 'silent') silent.set(event.id, event.reason);
  return { effects, silent };
}

function stepsOf(group: Group, posted: readonly PostedTransaction[], witnesses: ReadonlySet<string>): Step[] {
  const derivable = new Set(group.events.filter(isDerivable).map(({ id }) => id));
  const first = new Map<string, string>();
  const steps: Step[] = [];
  for (const standing of posted) {
    const { id, sourceEvent, effectKey } = standing;
    if (sourceEvent !== null && derivable.has(sourceEvent)) {
      const before = first.get(sourceEvent);
      if (before === undefined || id < before) first.set(sourceEvent, id);
    } else if ([...group.payments].some((prefix) => effectKey.startsWith(prefix))) steps.push({ at: id, standing });
  }
  for (const event of group.events) {
    if (event.kind !== 'tells') continue;
    // Whoever only told what stood already came after those who posted it.
    const otherwise = witnesses.has(event.id) ? LAST + event.id : uuidFloor(event.workedAt);
    steps.push({ at: first.get(event.id) ?? otherwise, event });
  }
  return steps.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** What it led to is what the rules are asked for; of the others it stands as it is. */
export const isDerivable = (event: ToldEvent): boolean => event.kind === 'tells' || event.kind === 'silent';

/** The payments an event looks at. */
export function paymentsOf(event: ToldEvent): string[] {
  if (event.kind !== 'tells') return [];
  return [...new Set(event.asked.filter(looksAtPayment).map(paymentKey))];
}

export const looks = (event: ToldEvent): boolean => event.kind === 'tells' && event.asked.some(looksAtPayment);

/** Fees of a reference are looked at too, but only a report's lines make a difference there. */
const looksAtPayment = ({ draft: { look } }: Asked): boolean => look !== null && !isFeeLook(look);
