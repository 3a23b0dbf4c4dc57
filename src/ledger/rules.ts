import { assertNever } from '../errors.ts';
import type { PaymentCaptured, PaymentEvent, PaymentReversed, Payout, Refund } from '../payment-event.ts';
import { type Books, chart } from './chart.ts';
import { contentOf, type Leg, leg, mirrored, withoutZeros } from './entry.ts';

/** Raised when a rule posts something else than before; kept on every transaction. */
export const RULE_VERSION = 2;

export type RuleContext = Books & { readonly marketplace: string | null };

/**
 * What a draft must look at before it is an entry, each under the lock of its payment. Everything else looks at its event
 * alone, so that any order ends the same.
 */
export type Look =
  | { readonly kind: 'authorise'; readonly payment: string }
  /** `series` where the processor tells totals: then the increase is released. */
  | { readonly kind: 'release'; readonly payment: string; readonly total: bigint; readonly series: string | null }
  | { readonly kind: 'final'; readonly payment: string }
  | { readonly kind: 'running_total'; readonly payment: string; readonly total: bigint; readonly series: string }
  | { readonly kind: 'assumed_capture'; readonly payment: string; readonly amount: bigint; readonly currency: string }
  | { readonly kind: 'proves_manual'; readonly payment: string }
  /** A capture whose refunds will be split as it was: only takes the lock and is remembered. */
  | { readonly kind: 'sold'; readonly payment: string }
  /** A refund that begins (`live`) or fails, on an account that passes money on. */
  | {
      readonly kind: 'split';
      readonly payment: string;
      readonly refund: string;
      readonly amount: bigint;
      readonly live: boolean;
    };

/** An entry before it has looked. `key` is without provider and account. */
export type Draft = {
  readonly key: string;
  readonly kind: string;
  readonly at: number;
  readonly legs: readonly Leg[];
  readonly content: Buffer;
  readonly look: Look | null;
};

/** The effects of one canonical event, those it implies first: what is posted already is a replay. Pure. */
export function draftsOf(event: PaymentEvent, context: RuleContext): Draft[] {
  switch (event.type) {
    case 'payment.authorised':
      return [authorised(event.payment, event, context)];
    case 'payment.captured':
      return captured(event, context);
    case 'payment.reversed':
      return reversed(event, context);
    case 'payment.failed':
    case 'payment.cancelled':
      return [
        ...(event.captureMode === 'proves_manual' ? [provesManual(event.payment, event.at)] : []),
        final(event.payment, event.at),
      ];
    case 'payment.tax_known':
      return [
        draft(event, [
          leg(chart.revenue, event.currency, event.amount),
          leg(chart.taxPayable, event.currency, -event.amount),
        ]),
      ];
    case 'payment.fee_known': {
      const expense = event.of === 'dispute' ? chart.disputeFees : chart.processingFees(context);
      return [
        draft(event, [
          leg(expense, event.currency, event.amount),
          leg(chart.processorPending(context), event.currency, -event.amount, event.reference, 'fee'),
        ]),
      ];
    }
    case 'platform_fee.created':
    case 'platform_fee.refunded': {
      const legs = [
        leg(chart.processorPending(context), event.currency, event.amount, event.fee, 'gross'),
        leg(chart.platformFees, event.currency, -event.amount),
      ];
      return [draft(event, event.type === 'platform_fee.created' ? legs : mirrored(legs))];
    }
    case 'transfer.created':
    case 'transfer.reversed': {
      const seller = chart.sellerPayable(event.seller);
      const legs = [
        leg(seller, event.currency, event.amount),
        leg(chart.processorPending(context), event.currency, -event.amount, event.transfer, 'gross'),
        ...(context.marketplace === 'on_transfer'
          ? [leg(chart.revenue, event.currency, event.amount), leg(seller, event.currency, -event.amount)]
          : []),
      ];
      return [draft(event, event.type === 'transfer.created' ? legs : mirrored(legs))];
    }
    case 'refund.created':
      return refundSteps(event, context, 1);
    case 'refund.succeeded':
      return refundSteps(event, context, 2);
    case 'refund.failed':
      return refundSteps(event, context, 3);
    case 'dispute.withdrawn':
    case 'dispute.reinstated': {
      const { amount, currency, dispute, component = 'gross' } = event;
      const legs = [
        leg(chart.disputesReceivable(context), currency, amount, dispute),
        leg(chart.processorPending(context), currency, -amount, dispute, component),
      ];
      return [draft(event, event.type === 'dispute.withdrawn' ? legs : mirrored(legs))];
    }
    case 'dispute.lost':
      return [
        draft(event, [
          leg(chart.disputeLosses, event.currency, event.amount),
          leg(chart.disputesReceivable(context), event.currency, -event.amount, event.dispute),
        ]),
      ];
    case 'payout.created':
      return [payoutCreated(event, context)];
    case 'payout.failed':
    case 'payout.cancelled':
    case 'payout.returned': {
      const created = payoutCreated(event, context);
      return [created, draft(event, mirrored(created.legs))];
    }
    default:
      return assertNever(event);
  }
}

function draft(
  effect: { readonly key: string; readonly at: number; readonly type: string },
  legs: readonly Leg[],
  look: Look | null = null,
  told?: string,
): Draft {
  const kept = withoutZeros(legs);
  return { key: effect.key, kind: effect.type, at: effect.at, legs: kept, content: contentOf(kept, told), look };
}

/* Payments */

function captureLegs(event: PaymentCaptured | PaymentReversed, context: RuleContext): Leg[] {
  const { amount, currency, payment, seller, tax = 0n } = event;
  const passedOn = seller?.amount ?? 0n;
  return [
    leg(chart.processorPending(context), currency, amount, payment, 'gross'),
    ...(seller === undefined ? [] : [leg(chart.sellerPayable(seller.id), currency, -passedOn)]),
    leg(chart.taxPayable, currency, -tax),
    leg(chart.revenue, currency, -(amount - passedOn - tax)),
  ];
}

function captured(event: PaymentCaptured, context: RuleContext): Draft[] {
  const { payment, amount, currency, authorisation } = event;
  const held = authorisation?.id ?? payment;
  const legs = captureLegs(event, context);
  if (event.captureMode === 'assumed') {
    return [draft(event, legs, { kind: 'assumed_capture', payment, amount, currency })];
  }
  const drafts: Draft[] = [];
  if (event.captureMode === 'proves_manual') drafts.push(provesManual(payment, event.at));
  if (event.runningTotal === true) {
    const series = event.key.slice(0, event.key.lastIndexOf(':') + 1);
    drafts.push(draft(event, legs, { kind: 'running_total', payment, total: amount, series }));
  } else drafts.push(draft(event, legs, context.marketplace === 'on_capture' ? { kind: 'sold', payment } : null));
  if (authorisation !== undefined && !authorisation.final) {
    const total = authorisation.amount;
    const series = event.runningTotal === true ? `${held}:memo_release:` : null;
    const key = series === null ? `${held}:memo_release:${event.key}` : `${series}${total}`;
    const memo = memoLegs(held, currency, -total, context);
    const look: Look = { kind: 'release', payment: held, total, series };
    drafts.push(draft({ key, at: event.at, type: 'memo.released' }, memo, look));
  }
  if (authorisation?.final === true) drafts.push(final(held, event.at));
  return drafts;
}

function reversed(event: PaymentReversed, context: RuleContext): Draft[] {
  const legs = captureLegs(event, context);
  const own = draft(event, mirrored(legs));
  if (event.captureKey === undefined) return [own];
  const sold: Look | null = context.marketplace === 'on_capture' ? { kind: 'sold', payment: event.payment } : null;
  return [draft({ key: event.captureKey, at: event.at, type: 'payment.captured' }, legs, sold), own];
}

/* Authorisations, off the balance sheet */

function memoLegs(payment: string, currency: string, amount: bigint, context: RuleContext): Leg[] {
  return [
    leg(chart.authorisations(context), currency, amount, payment),
    leg(chart.authorisationsContra, currency, -amount),
  ];
}

/** Also what an assumed capture turns into once the payment proves manual, hence one key for both. */
export function authorised(
  payment: string,
  told: { readonly at: number; readonly amount: bigint; readonly currency: string },
  context: RuleContext,
): Draft {
  const legs = memoLegs(payment, told.currency, told.amount, context);
  return draft({ key: `${payment}:authorised`, at: told.at, type: 'payment.authorised' }, legs, {
    kind: 'authorise',
    payment,
  });
}

/** After it nothing more posts on the authorisation. What is open is seen when it posts. */
function final(payment: string, at: number): Draft {
  return draft({ key: `${payment}:memo_final`, at, type: 'memo.final' }, [], { kind: 'final', payment }, 'final');
}

export function finalLegs(payment: string, open: ReadonlyMap<string, bigint>, context: RuleContext): Leg[] {
  return [...open].flatMap(([currency, amount]) =>
    amount === 0n ? [] : memoLegs(payment, currency, -amount, context),
  );
}

function provesManual(payment: string, at: number): Draft {
  return draft(
    { key: `${payment}:manual`, at, type: 'payment.manual' },
    [],
    { kind: 'proves_manual', payment },
    'manual',
  );
}

/* Refunds: created, succeeded, failed, each step implying those before it */

function refundSteps(event: Refund, context: RuleContext, steps: 1 | 2 | 3): Draft[] {
  const { amount, currency, refund, at } = event;
  const payable = chart.refundsPayable(context);
  const pending = chart.processorPending(context);
  const split = (live: boolean): Look | null =>
    context.marketplace === 'on_capture' && event.payment !== undefined
      ? { kind: 'split', payment: event.payment, refund, amount, live }
      : null;
  const created = draft(
    { key: `${refund}:created`, at, type: 'refund.created' },
    [leg(chart.refunds, currency, amount), leg(payable, currency, -amount, refund)],
    split(true),
  );
  const succeeded = draft({ key: `${refund}:succeeded`, at, type: 'refund.succeeded' }, [
    leg(payable, currency, amount, refund),
    leg(pending, currency, -amount, refund, 'gross'),
  ]);
  const failed = draft(
    { key: `${refund}:failed`, at, type: 'refund.failed' },
    [leg(pending, currency, amount, refund, 'gross'), leg(chart.refunds, currency, -amount)],
    split(false),
  );
  return [created, succeeded, failed].slice(0, steps);
}

/* Payouts */

function payoutCreated(event: Payout, context: RuleContext): Draft {
  const { amount, currency, payout, settled } = event;
  const transit = chart.bankInTransit(context);
  const balance = chart.processorBalance(context);
  const legs =
    settled === undefined || settled.currency === currency
      ? [leg(transit, currency, amount, payout), leg(balance, currency, -amount, payout)]
      : [
          leg(transit, settled.currency, settled.amount, payout),
          leg(chart.fxPosition, settled.currency, -settled.amount),
          leg(chart.fxPosition, currency, amount),
          leg(balance, currency, -amount, payout),
        ];
  return draft({ key: `${payout}:created`, at: event.at, type: 'payout.created' }, legs);
}
