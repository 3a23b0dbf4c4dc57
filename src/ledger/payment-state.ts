import type { Tx } from '../postgres/sql.ts';
import { chart } from './chart.ts';
import { type Draft, isFeeLook, type Look, lookedAt, type RuleContext } from './draft.ts';
import type { Entry, Leg } from './entry.ts';
import { capturesOf, effectsUnder, linesOf, openOn } from './ledger-store.ts';
import { liveRefunds } from './split.ts';

/** A draft with whose books it is for. */
export type Asked = { readonly draft: Draft; readonly context: RuleContext };

/** What stands about one payment, kept up to date while a batch goes through. */
export type PaymentState = {
  /** Effect keys without provider, account and payment → transaction id. */
  readonly effects: Map<string, string>;
  /** What its authorisation holds, by currency. */
  readonly open: Map<string, bigint>;
  /** The lines of transactions that were read or made in this batch. */
  readonly lines: Map<string, readonly Leg[]>;
  /**
   * Whole effect key of each capture that was not taken back → its lines. A capture may be an object of its own (Adyen's),
   * whose key does not begin with the payment's. Read only where refunds are split.
   */
  readonly captures: Map<string, readonly Leg[]>;
};

export const prefixOf = ({ context }: Asked): string => `${context.provider}:${context.account}:`;

export const CAPTURED = 'payment.captured';

/** What the effect keys under a payment begin with: its lock, and that of whatever else is looked at. */
export function paymentKey(asked: Asked): string {
  const { look } = asked.draft;
  return `${prefixOf(asked)}${look === null ? '' : lookedAt(look)}:`;
}

export function entryOf(asked: Asked, draft: Draft, id: string): Entry {
  const { zone, yields } = draft;
  return {
    id,
    effectKey: prefixOf(asked) + draft.key,
    kind: draft.kind,
    at: draft.at,
    legs: draft.legs,
    content: draft.content,
    reverses: null,
    ...(zone === undefined ? {} : { zone }),
    ...(yields === undefined ? {} : { yields }),
  };
}

/** Of which nothing stands. */
export const emptyPayment = (): PaymentState => ({
  effects: new Map(),
  open: new Map(),
  lines: new Map(),
  captures: new Map(),
});

/** Of an entry or a transaction, what those that look at its payment see of it. */
type Seen = Pick<Entry, 'id' | 'effectKey' | 'kind' | 'legs'>;

/** Notes what was posted without looking, as reading it from the books would find it. What is known already is left as it is. */
export function noteStanding(payments: ReadonlyMap<string, PaymentState>, entry: Seen): void {
  for (const [prefix, payment] of payments) {
    if (!entry.effectKey.startsWith(prefix)) continue;
    const key = entry.effectKey.slice(prefix.length);
    if (payment.effects.has(key)) continue;
    payment.effects.set(key, entry.id);
    payment.lines.set(entry.id, entry.legs);
    if (entry.kind === CAPTURED) payment.captures.set(entry.effectKey, entry.legs);
    for (const line of entry.legs) {
      if (!line.account.path.startsWith('memo:authorisations:')) continue;
      payment.open.set(line.currency, (payment.open.get(line.currency) ?? 0n) + line.amount);
    }
  }
}

/** What the drafts of a batch need to see of their payments, which are locked. */
export async function readPayments(tx: Tx, all: readonly Asked[]): Promise<ReadonlyMap<string, PaymentState>> {
  const payments = new Map<string, PaymentState>();
  const looking = all.filter(({ draft: { look } }) => look !== null && !isFeeLook(look));
  for (const asked of looking) payments.set(paymentKey(asked), emptyPayment());
  if (payments.size === 0) return payments;
  await readEffects(tx, payments);
  await readOpen(tx, payments, looking);
  await readLines(tx, payments, looking);
  await readCaptures(tx, payments, looking);
  return payments;
}

async function readEffects(tx: Tx, payments: ReadonlyMap<string, PaymentState>): Promise<void> {
  for (const effect of await effectsUnder(tx, [...payments.keys()])) {
    payments.get(effect.prefix)?.effects.set(effect.effectKey.slice(effect.prefix.length), effect.id);
  }
}

async function readOpen(tx: Tx, payments: ReadonlyMap<string, PaymentState>, looking: readonly Asked[]): Promise<void> {
  const byPath = new Map<string, Map<string, string>>();
  for (const asked of looking) {
    // Only these lead to a final release, alone or later in the batch.
    if (!['authorise', 'release', 'final', 'assumed_capture', 'proves_manual'].includes(asked.draft.look?.kind ?? ''))
      continue;
    const { path } = chart.authorisations(asked.context);
    const references = byPath.get(path) ?? new Map<string, string>();
    const { look } = asked.draft;
    references.set(look === null ? '' : lookedAt(look), paymentKey(asked));
    byPath.set(path, references);
  }
  for (const [path, references] of byPath) {
    for (const item of await openOn(tx, path, [...references.keys()])) {
      payments.get(references.get(item.reference) ?? '')?.open.set(item.currency, item.amount);
    }
  }
}

/** Taking back an assumed capture and posting an increase take what was posted from the books. */
async function readLines(
  tx: Tx,
  payments: ReadonlyMap<string, PaymentState>,
  looking: readonly Asked[],
): Promise<void> {
  const wanted = new Map<string, PaymentState>();
  for (const asked of looking) {
    const payment = payments.get(paymentKey(asked));
    for (const [key, id] of payment?.effects ?? []) {
      if (payment !== undefined && isRead(asked.draft.look, key)) wanted.set(id, payment);
    }
  }
  if (wanted.size === 0) return;
  for (const { transactionId, line } of await linesOf(tx, [...wanted.keys()])) {
    const lines = wanted.get(transactionId)?.lines;
    if (lines !== undefined) lines.set(transactionId, [...(lines.get(transactionId) ?? []), line]);
  }
}

function isRead(look: Look | null, key: string): boolean {
  switch (look?.kind) {
    case 'proves_manual':
      return key === 'captured';
    case 'undone':
      return key === 'created' || key.startsWith('created/');
    case 'running_total':
    case 'release':
      return look.series !== null && key.startsWith(look.series.slice(look.payment.length + 1));
    default:
      return false;
  }
}

/** Splitting a refund takes what was captured from the books; and a capture after a refund splits that anew. */
async function readCaptures(
  tx: Tx,
  payments: ReadonlyMap<string, PaymentState>,
  looking: readonly Asked[],
): Promise<void> {
  const byPath = new Map<string, Map<string, PaymentState>>();
  for (const asked of looking) {
    const { look } = asked.draft;
    const payment = payments.get(paymentKey(asked));
    if (look === null || isFeeLook(look) || payment === undefined || asked.context.marketplace !== 'on_capture')
      continue;
    if (look.kind !== 'split' && liveRefunds(payment.effects.keys()) === 0n) continue;
    const { path } = chart.processorPending(asked.context);
    const references = byPath.get(path) ?? new Map<string, PaymentState>();
    references.set(look.payment, payment);
    byPath.set(path, references);
  }
  for (const [path, references] of byPath) {
    for (const { payment, effectKey, line } of await capturesOf(tx, path, [...references.keys()])) {
      const captures = references.get(payment)?.captures;
      if (captures !== undefined) captures.set(effectKey, [...(captures.get(effectKey) ?? []), line]);
    }
  }
}
