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
  readonly lines: Map<string, readonly Leg[]>;
};

export type Viewer = {
  /** The effect that must stand before this event's drafts can be answered; null: they can. Changes nothing. */
  waitsFor(drafts: readonly Asked[]): string | null;
  /** The entries a draft becomes, seeing what stands and what was looked at before it. */
  look(asked: Asked): readonly Entry[];
};

/** Waits for whoever else looks at these payments; held until the transaction ends. */
export async function lockPayments(tx: Tx, all: readonly Asked[]): Promise<void> {
  const payments = new Set(all.filter((a) => a.draft.look !== null).map(paymentKey));
  if (payments.size > 0) await lockReferences(tx, [...payments]);
}

/**
 * Reads what the looking drafts of a batch need (their payments are locked), and answers them one after the other: each
 * sees what those before it did. Drafts that do not look pass through.
 */
export async function createViewer(tx: Tx, all: readonly Asked[], newId: () => string): Promise<Viewer> {
  const looking = all.filter((a) => a.draft.look !== null);
  const payments = new Map<string, Payment>();
  for (const asked of looking) {
    payments.set(paymentKey(asked), { effects: new Map(), open: new Map(), lines: new Map() });
  }
  if (payments.size > 0) {
    await readEffects(tx, payments);
    await readOpen(tx, payments, looking);
    await readLines(tx, payments, looking);
  }
  return {
    waitsFor(drafts) {
      for (const [n, asked] of drafts.entries()) {
        if (asked.draft.look?.kind !== 'split') continue;
        const payment = paymentKey(asked);
        const known = [...(payments.get(payment)?.effects.keys() ?? [])].some(isCapture);
        const told = drafts.slice(0, n).some((d) => isCapture((prefixOf(d) + d.draft.key).slice(payment.length)));
        if (!known && !told) return `${payment}captured`;
      }
      return null;
    },
    look(asked) {
      const payment = asked.draft.look === null ? undefined : payments.get(paymentKey(asked));
      return payment === undefined ? [entryOf(asked, asked.draft, newId())] : answer(asked, payment, newId);
    },
  };
}

function paymentKey(asked: Asked): string {
  return `${prefixOf(asked)}${asked.draft.look?.payment ?? ''}:`;
}

async function readEffects(tx: Tx, payments: ReadonlyMap<string, Payment>): Promise<void> {
  for (const effect of await effectsUnder(tx, [...payments.keys()])) {
    payments.get(effect.prefix)?.effects.set(effect.effectKey.slice(effect.prefix.length), effect.id);
  }
}

async function readOpen(tx: Tx, payments: ReadonlyMap<string, Payment>, looking: readonly Asked[]): Promise<void> {
  const byPath = new Map<string, Map<string, string>>();
  for (const asked of looking) {
    // Only these lead to a final release, alone or later in the batch.
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

/** Taking back an assumed capture, posting an increase and splitting a refund take what was posted from the books. */
async function readLines(tx: Tx, payments: ReadonlyMap<string, Payment>, looking: readonly Asked[]): Promise<void> {
  const wanted = new Map<string, Payment>();
  for (const asked of looking) {
    const payment = payments.get(paymentKey(asked));
    for (const [key, id] of payment?.effects ?? []) {
      if (payment !== undefined && isRead(asked.draft.look, key)) wanted.set(id, payment);
    }
  }
  if (wanted.size === 0) return;
  for (const { transactionId, ...line } of await linesOf(tx, [...wanted.keys()])) {
    const lines = wanted.get(transactionId)?.lines;
    if (lines !== undefined) lines.set(transactionId, [...(lines.get(transactionId) ?? []), line]);
  }
}

function isRead(look: Look | null, key: string): boolean {
  switch (look?.kind) {
    case 'proves_manual':
      return key === 'captured';
    case 'running_total':
    case 'release':
      return look.series !== null && key.startsWith(look.series.slice(look.payment.length + 1));
    case 'split':
      return isCapture(key);
    default:
      return false;
  }
}

const isCapture = (key: string): boolean => key === 'captured' || key.startsWith('captured:');

function answer(asked: Asked, payment: Payment, newId: () => string): readonly Entry[] {
  const { draft, context } = asked;
  const { look } = draft;
  if (look === null) return [entryOf(asked, draft, newId())];
  const isFinal = payment.effects.has('memo_final');
  const stand = (as: Draft, legs: readonly Leg[]): readonly Entry[] => [
    standing(asked, payment, { ...entryOf(asked, as, newId()), legs }),
  ];
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
  // Its own object may be another than the payment (a capture of Adyen's): nobody looks for it here.
  if (!entry.effectKey.startsWith(prefix)) return entry;
  const key = entry.effectKey.slice(prefix.length);
  if (payment.effects.has(key)) return entry;
  payment.effects.set(key, entry.id);
  payment.lines.set(entry.id, entry.legs);
  for (const line of entry.legs) {
    if (line.account.path.startsWith('memo:authorisations:')) {
      payment.open.set(line.currency, (payment.open.get(line.currency) ?? 0n) + line.amount);
    }
  }
  return entry;
}

/**
 * The processor tells only how much was captured in all: what posts is the total's legs less all that the series has
 * posted, so that after the highest total the books hold exactly that, whatever came before it.
 */
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
  return posted.length === 0 ? draft.legs : difference(draft.legs, posted);
}

function difference(wanted: readonly Leg[], posted: readonly Leg[]): Leg[] {
  const sums = new Map<string, Leg>();
  for (const line of [...wanted, ...mirrored(posted)]) {
    const key = JSON.stringify([line.account.path, line.reference, line.component, line.currency]);
    sums.set(key, { ...line, amount: line.amount + (sums.get(key)?.amount ?? 0n) });
  }
  return withoutZeros([...sums.values()]);
}

/** A capture or cancellation proves that the authorisation was no capture: what it was taken for is reversed, once. */
function provesManual(
  asked: Asked,
  payment: Payment,
  about: { id: string; isFinal: boolean },
  newId: () => string,
): readonly Entry[] {
  const marker = entryOf(asked, asked.draft, newId());
  const assumed = payment.effects.get('captured');
  const known = payment.effects.has('manual');
  standing(asked, payment, marker);
  if (assumed === undefined || known) return [marker];
  const lines = payment.lines.get(assumed) ?? [];
  const legs = mirrored(lines);
  const reversal: Entry = {
    ...marker,
    id: newId(),
    effectKey: `${paymentKey(asked)}capture_reversed`,
    kind: 'payment.capture_reversed',
    legs,
    content: contentOf(legs),
    reverses: assumed,
  };
  const gross = lines.find((l) => l.component === 'gross');
  if (gross === undefined) return [marker, reversal];
  const instead = authorised(
    about.id,
    { at: asked.draft.at, amount: gross.amount, currency: gross.currency },
    asked.context,
  );
  const memo = standing(asked, payment, {
    ...entryOf(asked, instead, newId()),
    legs: about.isFinal ? [] : instead.legs,
  });
  return [marker, reversal, memo];
}

/**
 * The sellers' part of a refund is known when the capture is: s = r × S/G, each time what all live refunds together give
 * back less what those before gave. So no remainder is lost, the refund that completes the payment takes the rest, and
 * any order of refunds and failures ends the same. Markers under the payment keep count of its refunds.
 */
function split(
  asked: Asked,
  payment: Payment,
  look: Extract<Look, { kind: 'split' }>,
  newId: () => string,
): readonly Entry[] {
  const lines = [...payment.effects].flatMap(([key, id]) => (isCapture(key) ? (payment.lines.get(id) ?? []) : []));
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
  return [standing(asked, payment, marker), entry];
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
