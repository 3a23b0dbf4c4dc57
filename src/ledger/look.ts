import { assertNever } from '../errors.ts';
import type { Tx } from '../postgres/sql.ts';
import type { Books } from './chart.ts';
import { type Draft, isFeeLook, type PaymentLook } from './draft.ts';
import { contentOf, type Entry, type Leg, mirrored, summed, WITHDRAWN } from './entry.ts';
import { answerFee, type FeeState, readFees } from './fee-recognition.ts';
import { lockReferences } from './ledger-store.ts';
import { authorised, finalLegs } from './payment-rules.ts';
import { type Asked, CAPTURED, entryOf, type PaymentState, paymentKey, readPayments } from './payment-state.ts';
import { liveRefunds, movedParts, refundMarker, type SellersParts, sellersParts, withParts } from './split.ts';

export type Viewer = {
  /** The effect that must stand before this event's drafts can be answered; null: they can. Changes nothing. */
  waitsFor(drafts: readonly Asked[]): string | null;
  /** The entries a draft becomes, seeing what stands and what was looked at before it. */
  look(asked: Asked): readonly Entry[];
};

/**
 * Waits for whoever else looks at these payments and references; held until the transaction ends. Accounts in `held` are held
 * whole already: their fees need no locks of their own.
 */
export async function lockLookedAt(tx: Tx, all: readonly Asked[], held: ReadonlySet<string>): Promise<void> {
  const references = new Set<string>();
  const accounts = new Set<string>();
  for (const asked of all) {
    const { look } = asked.draft;
    if (look === null) continue;
    if (isFeeLook(look)) {
      const account = feesOfAccount(asked.context);
      if (held.has(account)) continue;
      accounts.add(account);
    }
    references.add(paymentKey(asked));
  }
  if (references.size > 0) await lockReferences(tx, [...references], [...accounts]);
}

/** What everybody shares who looks at fees of the account, and an import holds alone. */
export const feesOfAccount = ({ provider, account }: Books): string => `fees of ${provider}:${account}`;

/**
 * Reads what the looking drafts of a batch need (their payments are locked), and answers them one after the other: each
 * sees what those before it did. Drafts that do not look pass through.
 */
export async function createViewer(tx: Tx, all: readonly Asked[], newId: () => string): Promise<Viewer> {
  const looking = all.filter((a) => a.draft.look !== null);
  return viewerOf(await readPayments(tx, looking), await readFees(tx, looking), newId);
}

/** Answers from what stands about these payments and fees, wherever that was read, and keeps it up to date with its answers. */
export function viewerOf(
  payments: ReadonlyMap<string, PaymentState>,
  fees: ReadonlyMap<string, FeeState>,
  newId: () => string,
): Viewer {
  return {
    waitsFor(drafts) {
      for (const [n, asked] of drafts.entries()) {
        if (asked.draft.look?.kind !== 'split') continue;
        const payment = paymentKey(asked);
        const known = (payments.get(payment)?.captures.size ?? 0) > 0;
        const told = drafts.slice(0, n).some((d) => d.draft.kind === CAPTURED && paymentKey(d) === payment);
        if (!known && !told) return `${payment}captured`;
      }
      return null;
    },
    look(asked) {
      const { look } = asked.draft;
      const fee = isFeeLook(look) ? fees.get(paymentKey(asked)) : undefined;
      if (fee !== undefined) return answerFee(asked, fee, newId);
      const payment = look === null || isFeeLook(look) ? undefined : payments.get(paymentKey(asked));
      if (payment === undefined) return [entryOf(asked, asked.draft, newId())];
      return asked.context.marketplace === 'on_capture'
        ? answerAndSplit(asked, payment, newId)
        : answer(asked, payment, newId);
    },
  };
}

/**
 * A capture that comes after refunds, or is taken back after them, changes what part of them is the sellers': the difference
 * posts with it, under a key of its own. A refund has the difference it makes in its own lines.
 */
function answerAndSplit(asked: Asked, payment: PaymentState, newId: () => string): readonly Entry[] {
  const before = partsOf(payment);
  const captures = [...payment.captures.values()];
  const entries = answer(asked, payment, newId);
  if (asked.draft.look?.kind === 'split') return entries;
  const currency = [...captures, ...payment.captures.values()].flat()[0]?.currency ?? '';
  const legs = movedParts(before, partsOf(payment), currency);
  if (legs.length === 0) return entries;
  const told = `split:${asked.draft.key}`;
  const resplit: Entry = {
    ...entryOf(asked, asked.draft, newId()),
    effectKey: paymentKey(asked) + told,
    kind: 'refund.split',
    legs,
    content: contentOf([], told),
  };
  return [...entries, standing(asked, payment, resplit)];
}

const partsOf = (payment: PaymentState): SellersParts =>
  sellersParts(payment.captures.values(), liveRefunds(payment.effects.keys()));

function answer(asked: Asked, payment: PaymentState, newId: () => string): readonly Entry[] {
  const { draft, context } = asked;
  const { look } = draft;
  if (look === null || isFeeLook(look)) return [entryOf(asked, draft, newId())];
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
    case 'paid_out':
      return [standing(asked, payment, underLiveName(asked, payment, entryOf(asked, draft, newId())))];
    case 'undone':
      return undone(asked, payment, newId);
    default:
      return assertNever(look);
  }
}

/** Remembers an entry for those after it in the batch; one that stands already is a replay and changes nothing. */
function standing(asked: Asked, payment: PaymentState, entry: Entry): Entry {
  const prefix = paymentKey(asked);
  // Its own object may be another than the payment (a capture of Adyen's): nobody looks for it by its key.
  const key = entry.effectKey.startsWith(prefix) ? entry.effectKey.slice(prefix.length) : null;
  if (key === null ? payment.captures.has(entry.effectKey) : payment.effects.has(key)) return entry;
  if (entry.kind === CAPTURED) payment.captures.set(entry.effectKey, entry.legs);
  if (key === null) return entry;
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
  payment: PaymentState,
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
  return posted.length === 0 ? draft.legs : summed([...draft.legs, ...mirrored(posted)]);
}

/** A capture or cancellation proves that the authorisation was no capture: what it was taken for is reversed, once. */
function provesManual(
  asked: Asked,
  payment: PaymentState,
  about: { id: string; isFinal: boolean },
  newId: () => string,
): readonly Entry[] {
  const marker = entryOf(asked, asked.draft, newId());
  const assumed = payment.effects.get('captured');
  const known = payment.effects.has('manual');
  standing(asked, payment, marker);
  if (assumed === undefined || known) return [marker];
  // A person was first: what is reversed is not reversed again.
  if (payment.effects.has('captured:reversed')) return [marker];
  payment.captures.delete(`${paymentKey(asked)}captured`);
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

/** Known when the capture is. A marker under the payment keeps count of its refunds. */
function split(
  asked: Asked,
  payment: PaymentState,
  look: Extract<PaymentLook, { kind: 'split' }>,
  newId: () => string,
): readonly Entry[] {
  const { legs } = asked.draft;
  const before = partsOf(payment);
  const told = refundMarker(look.refund, look.amount, look.live);
  const marker = standing(asked, payment, {
    ...entryOf(asked, asked.draft, newId()),
    effectKey: paymentKey(asked) + told,
    kind: 'refund.counted',
    legs: [],
    content: contentOf([], told),
  });
  const currency = legs[0]?.currency ?? '';
  const moved = movedParts(before, partsOf(payment), currency);
  return [marker, { ...entryOf(asked, asked.draft, newId()), legs: withParts(legs, moved) }];
}

/** Under which name a payout's effect stands, or would be posted: what its report took back leaves its name used. */
function liveName({ effects }: PaymentState, name: string): string {
  let live = name;
  for (let version = 2; effects.has(live + WITHDRAWN); version += 1) live = `${name}/${version}`;
  return live;
}

function underLiveName(asked: Asked, payment: PaymentState, entry: Entry): Entry {
  const prefix = paymentKey(asked);
  if (!entry.effectKey.startsWith(prefix)) return entry;
  return { ...entry, effectKey: prefix + liveName(payment, entry.effectKey.slice(prefix.length)) };
}

const ENDS = ['failed', 'cancelled', 'returned'];

/**
 * Processors have several words for a payout that came back, and a report has one of its own: whichever is told first posts,
 * and the others tell the same again. A line takes back what stands: it may not know what the bank was to receive.
 */
function undone(asked: Asked, payment: PaymentState, newId: () => string): readonly Entry[] {
  const told = entryOf(asked, asked.draft, newId());
  const end = ENDS.map((name) => liveName(payment, name)).find((name) => payment.effects.has(name));
  if (end !== undefined) return [{ ...told, effectKey: paymentKey(asked) + end }];
  const own = underLiveName(asked, payment, told);
  const created =
    own.yields === true ? payment.lines.get(payment.effects.get(liveName(payment, 'created')) ?? '') : undefined;
  if (created === undefined) return [standing(asked, payment, own)];
  const legs = mirrored(created);
  return [standing(asked, payment, { ...own, legs, content: contentOf(legs) })];
}
