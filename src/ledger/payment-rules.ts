import { assertNever } from '../errors.ts';
import type { PaymentCaptured, PaymentEvent, PaymentReversed, Payout, Refund } from '../payment-event.ts';
import { chart } from './chart.ts';
import { type Draft, draft, type Look, type RuleContext } from './draft.ts';
import { type Leg, leg, mirrored } from './entry.ts';

/** The effects of one canonical event, those it implies first: what is posted already is a replay. Pure. */
export function paymentDrafts(event: PaymentEvent, context: RuleContext): Draft[] {
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
      const legs = [
        leg(expense, event.currency, event.amount),
        leg(chart.processorPending(context), event.currency, -event.amount, event.reference, 'fee'),
      ];
      // A fee of nothing announces nothing.
      const look: Look | null = event.amount === 0n ? null : { kind: 'fee_announced', reference: event.reference };
      return [draft(event, legs, look)];
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
      return [payoutCreated(event, context), payoutUndone(event, context)];
    }
    default:
      return assertNever(event);
  }
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

export type PayoutTold = Pick<Payout, 'payout' | 'amount' | 'currency' | 'settled' | 'at'>;

export function payoutCreated(told: PayoutTold, context: RuleContext): Draft {
  const look: Look | null = told.amount === 0n ? null : { kind: 'paid_out', payment: told.payout };
  return draft({ key: `${told.payout}:created`, at: told.at, type: 'payout.created' }, payoutLegs(told, context), look);
}

/** Failed, cancelled and returned are three words for one thing: of a payout's ends one posts. */
export function payoutUndone(
  told: PayoutTold & { readonly key: string; readonly type: string },
  context: RuleContext,
): Draft {
  const look: Look | null = told.amount === 0n ? null : { kind: 'undone', payment: told.payout };
  return draft(told, mirrored(payoutLegs(told, context)), look);
}

function payoutLegs({ amount, currency, payout, settled }: PayoutTold, context: RuleContext): Leg[] {
  const transit = chart.bankInTransit(context);
  const balance = chart.processorBalance(context);
  if (settled === undefined || settled.currency === currency)
    return [leg(transit, currency, amount, payout), leg(balance, currency, -amount, payout)];
  return [
    leg(transit, settled.currency, settled.amount, payout),
    leg(chart.fxPosition, settled.currency, -settled.amount),
    leg(chart.fxPosition, currency, amount),
    leg(balance, currency, -amount, payout),
  ];
}
