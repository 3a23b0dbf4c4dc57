import { assertNever } from '../errors.ts';
import { proportion } from '../money.ts';
import type { Tx } from '../postgres/sql.ts';
import { chart } from './chart.ts';
import { contentOf, type Entry, type Leg, mirrored, withoutZeros } from './entry.ts';
import { effectsUnder, linesOf, lockReferences, openOn } from './ledger-store.ts';
import { authorised, type Draft, finalLegs, type Look, type RuleContext, splitRefund } from './rules.ts';

/** A draft with whose books it is for, and the event that told it. */
export type Asked = { readonly draft: Draft; readonly context: RuleContext; readonly eventId: string };

/** What stands about one payment, kept up to date while a batch goes through. */
type Payment = {
  /** Effect keys without provider, account and payment → transaction id. */
  readonly effects: Map<string, string>;
  /** What its authorisation holds, by currency. */
  readonly open: Map<string, bigint>;
  /** The lines of transactions that were read or made in this batch. */
  readonly lines: Map<string, Leg[]>;
};

export type Looked =
  | { readonly kind: 'entries'; readonly entries: readonly Entry[] }
  /** Posts when this effect stands. */
  | { readonly kind: 'waits'; readonly effectKey: string };

export type Viewer = { look(asked: Asked): Looked };

/**
 * Locks and reads what the looking drafts of a batch need, and answers them one after the other: each sees what those
 * before it did. Drafts that do not look pass through.
 */
export async function createViewer(tx: Tx, all: readonly Asked[], newId: () => string): Promise<Viewer> {
  const looking = all.filter((a) => a.draft.look !== null);
  const payments = new Map<string, Payment>();
  for (const asked of looking) {
    payments.set(paymentKey(asked), { effects: new Map(), open: new Map(), lines: new Map() });
  }
  if (payments.size > 0) {
    await lockReferences(tx, [...payments.keys()]);
    await readEffects(tx, payments);
    await readOpen(tx, payments, looking);
    await readLines(tx, payments, looking);
  }
  return {
    look(asked) {
      const payment = asked.draft.look === null ? undefined : payments.get(paymentKey(asked));
      return payment === undefined ? one(entryOf(asked, asked.draft, newId())) : answer(asked, payment, newId);
    },
  };
}

function paymentKey(asked: Asked): string {
  return `${asked.context.provider}:${asked.context.account}:${asked.draft.look?.payment ?? ''}:`;
}

async function readEffects(tx: Tx, payments: ReadonlyMap<string, Payment>): Promise<void> {
  const prefixes = [...payments.keys()];
  for (const effect of await effectsUnder(tx, prefixes)) {
    for (const prefix of prefixes) {
      if (effect.effectKey.startsWith(prefix))
        payments.get(prefix)?.effects.set(effect.effectKey.slice(prefix.length), effect.id);
    }
  }
}

async function readOpen(tx: Tx, payments: ReadonlyMap<string, Payment>, looking: readonly Asked[]): Promise<void> {
  const byPath = new Map<string, Map<string, string>>();
  for (const asked of looking) {
    if (!['authorise', 'release', 'final', 'assumed_capture', 'proves_manual'].includes(asked.draft.look?.kind ?? ''))
      continue;
    const { path } = chart.authorisations(asked.context);
    const references = byPath.get(path) ?? new Map<string, string>();
    references.set(asked.draft.look?.payment ?? '', paymentKey(asked));
    byPath.set(path, references);
  }
  for (const [path, references] of byPath) {
    for (const item of await openOn(tx, path, [...references.keys()])) {
      payments.get(references.get(item.reference) ?? '')?.open.set(item.currency, item.amount);
    }
  }
}

/** Lines are needed to take back an assumed capture, to post the increase of a total, and to split a refund. */
async function readLines(tx: Tx, payments: ReadonlyMap<string, Payment>, looking: readonly Asked[]): Promise<void> {
  const wanted = new Map<string, Payment>();
  for (const asked of looking) {
    const kind = asked.draft.look?.kind ?? 'sold';
    if (kind !== 'proves_manual' && kind !== 'split' && kind !== 'running_total' && kind !== 'release') continue;
    const payment = payments.get(paymentKey(asked));
    for (const [key, id] of payment?.effects ?? []) {
      if (payment !== undefined && (isCapture(key) || key.startsWith('memo_release:'))) wanted.set(id, payment);
    }
  }
  if (wanted.size === 0) return;
  for (const { transactionId, ...line } of await linesOf(tx, [...wanted.keys()])) {
    const lines = wanted.get(transactionId)?.lines;
    if (lines !== undefined) lines.set(transactionId, [...(lines.get(transactionId) ?? []), line]);
  }
}

const isCapture = (key: string): boolean => key === 'captured' || key.startsWith('captured:');

function answer(asked: Asked, payment: Payment, newId: () => string): Looked {
  const { draft, context } = asked;
  const { look } = draft;
  if (look === null) return one(entryOf(asked, draft, newId()));
  const isFinal = payment.effects.has('memo_final');
  const stand = (as: Draft, legs: readonly Leg[]): Looked =>
    one(standing(asked, payment, { ...entryOf(asked, as, newId()), legs }));
  switch (look.kind) {
    case 'authorise':
      return stand(draft, isFinal ? [] : draft.legs);
    case 'release': {
      if (isFinal) return stand(draft, []);
      const { series } = look;
      return stand(draft, series === null ? draft.legs : increase(draft, payment, { ...look, series }));
    }
    case 'final':
      return stand(draft, isFinal ? [] : finalLegs(look.payment, payment.open, context));
    case 'sold':
      return stand(draft, draft.legs);
    case 'running_total':
      return stand(draft, increase(draft, payment, look));
    case 'assumed_capture': {
      if (!payment.effects.has('manual')) return stand(draft, draft.legs);
      // Taken for a capture before it was known better, and taken back since: told again, it stays what it became.
      const instead = authorised(look.payment, { at: draft.at, amount: look.amount, currency: look.currency }, context);
      return stand(instead, isFinal ? [] : instead.legs);
    }
    case 'proves_manual':
      return provesManual(asked, payment, { id: look.payment, isFinal }, newId);
    case 'split':
      return split(asked, payment, look, newId);
    default:
      return assertNever(look);
  }
}

/** Remembers an entry for those after it in the batch; one that stands already is a replay and changes nothing. */
function standing(asked: Asked, payment: Payment, entry: Entry): Entry {
  const prefix = paymentKey(asked);
  if (!entry.effectKey.startsWith(prefix)) return entry;
  const key = entry.effectKey.slice(prefix.length);
  if (payment.effects.has(key)) return entry;
  payment.effects.set(key, entry.id);
  payment.lines.set(entry.id, [...entry.legs]);
  for (const line of entry.legs) {
    if (line.account.path.startsWith('memo:authorisations:')) {
      payment.open.set(line.currency, (payment.open.get(line.currency) ?? 0n) + line.amount);
    }
  }
  return entry;
}

/** The processor tells only how much was captured in all: the increase over the highest posted is what posts. */
function increase(
  draft: Draft,
  payment: Payment,
  look: { payment: string; total: bigint; series: string },
): readonly Leg[] {
  const series = look.series.slice(look.payment.length + 1);
  const posted: Leg[] = [];
  for (const [key, id] of payment.effects) {
    const total = key.startsWith(series) ? key.slice(series.length) : '';
    if (!/^\d+$/.test(total)) continue;
    // A lower total came late: evidence of a step that the higher one contains.
    if (BigInt(total) >= look.total) return [];
    posted.push(...(payment.lines.get(id) ?? []));
  }
  // Leg by leg against what stands, not in proportion: a seller's or the tax's part need not grow as the total does, and
  // the sum must be what the highest total told, whichever steps were told before it.
  const byPlace = new Map<string, Leg>();
  for (const line of [...draft.legs, ...mirrored(posted)]) {
    const place = JSON.stringify([line.account.path, line.currency, line.reference, line.component]);
    byPlace.set(place, { ...line, amount: line.amount + (byPlace.get(place)?.amount ?? 0n) });
  }
  return withoutZeros([...byPlace.values()]);
}

/** A capture or cancellation proves that the authorisation was no capture: what it was taken for is reversed, once. */
function provesManual(
  asked: Asked,
  payment: Payment,
  about: { id: string; isFinal: boolean },
  newId: () => string,
): Looked {
  const marker = entryOf(asked, asked.draft, newId());
  const assumed = payment.effects.get('captured');
  const known = payment.effects.has('manual');
  standing(asked, payment, marker);
  if (assumed === undefined || known) return one(marker);
  const lines = payment.lines.get(assumed) ?? [];
  const legs = mirrored(lines);
  const reversal: Entry = {
    ...marker,
    id: newId(),
    effectKey: `${prefixOf(asked)}${about.id}:capture_reversed`,
    kind: 'payment.capture_reversed',
    legs,
    content: contentOf(legs),
    reverses: assumed,
  };
  const gross = lines.find((l) => l.component === 'gross');
  if (gross === undefined) return { kind: 'entries', entries: [marker, reversal] };
  const instead = authorised(
    about.id,
    { at: asked.draft.at, amount: gross.amount, currency: gross.currency },
    asked.context,
  );
  const memo = standing(asked, payment, {
    ...entryOf(asked, instead, newId()),
    legs: about.isFinal ? [] : instead.legs,
  });
  return { kind: 'entries', entries: [marker, reversal, memo] };
}

/**
 * The sellers' part of a refund is known when the capture is: s = r × S/G, each time what all live refunds together give
 * back less what those before gave. So no remainder is lost, the refund that completes the payment takes the rest, and
 * any order of refunds and failures ends the same. Markers under the payment keep count of its refunds.
 */
function split(asked: Asked, payment: Payment, look: Extract<Look, { kind: 'split' }>, newId: () => string): Looked {
  const captures = [...payment.effects].filter(([key]) => isCapture(key));
  if (captures.length === 0) return { kind: 'waits', effectKey: `${prefixOf(asked)}${look.payment}:captured` };
  const lines = captures.flatMap(([, transaction]) => payment.lines.get(transaction) ?? []);
  const gross = lines.reduce((sum, l) => (l.component === 'gross' ? sum + l.amount : sum), 0n);
  const sellers = new Map<string, bigint>();
  for (const line of lines) {
    if (!line.account.path.startsWith('liability:seller_payable:')) continue;
    sellers.set(line.account.path, (sellers.get(line.account.path) ?? 0n) - line.amount);
  }
  const before = atMost(liveRefunds(payment), gross);
  const after = atMost(liveRefunds(payment) + (look.live ? look.amount : -look.amount), gross);
  const shares = [...sellers].map(([path, amount]) => ({
    path,
    amount: proportion(after, amount, gross) - proportion(before, amount, gross),
  }));
  const told = `${look.live ? 'refunded' : 'unrefunded'}:${look.refund}:${look.amount}`;
  const marker: Entry = {
    ...entryOf(asked, asked.draft, newId()),
    effectKey: paymentKey(asked) + told,
    kind: 'refund.counted',
    legs: [],
    content: contentOf([], told),
  };
  const entry = { ...entryOf(asked, asked.draft, newId()), legs: splitRefund(asked.draft.legs, shares) };
  return { kind: 'entries', entries: [standing(asked, payment, marker), entry] };
}

function liveRefunds(payment: Payment): bigint {
  let sum = 0n;
  for (const key of payment.effects.keys()) {
    const match = /^(un)?refunded:.*:(\d+)$/s.exec(key);
    if (match !== null) sum += match[1] === undefined ? BigInt(match[2] ?? 0) : -BigInt(match[2] ?? 0);
  }
  return sum;
}

const atMost = (amount: bigint, limit: bigint): bigint => (amount > limit ? limit : amount);

const one = (entry: Entry): Looked => ({ kind: 'entries', entries: [entry] });

const prefixOf = ({ context }: Asked): string => `${context.provider}:${context.account}:`;

function entryOf(asked: Asked, draft: Draft, id: string): Entry {
  return {
    id,
    effectKey: prefixOf(asked) + draft.key,
    kind: draft.kind,
    at: draft.at,
    legs: draft.legs,
    content: draft.content,
    reverses: null,
  };
}
