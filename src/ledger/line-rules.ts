import { PosternError } from '../errors.ts';
import {
  type BalanceLine,
  type BatchNamed,
  lineFault,
  type MovementLine,
  type PayoutLine,
  type SettlementLine,
} from '../settlement-line.ts';
import { chart, pathPart } from './chart.ts';
import { type Draft, draft, type RuleContext } from './draft.ts';
import { type Leg, leg, summed } from './entry.ts';
import { paymentDrafts, payoutCreated, payoutUndone } from './payment-rules.ts';

/**
 * What a line of a settlement report posts: one transaction under `line:{identity}`, with a payout the effects it implies
 * before it, and with a fee that nobody announced its recognition behind it. Pure.
 *
 * @throws PosternError `rule_failed` for a line that contradicts itself: its reader should have refused it.
 */
export function lineDrafts(line: SettlementLine, context: RuleContext): Draft[] {
  const fault = lineFault(line);
  if (fault !== null) throw new PosternError('rule_failed', `settlement line ${line.identity}: ${fault}`);
  const key = lineKey(line.identity);
  const own = draft({ key, at: line.at, type: `settlement.${line.kind}` }, summed(lineLegs(line, context)));
  const drafts = [
    ...impliedBy(line, context),
    own,
    ...firstDay(line, key, context),
    ...recognition(line, key, context),
  ];
  return drafts.map((d) => ({ ...d, zone: line.zone }));
}

/** What was settled before its payout was known belongs to it since: whatever else the line moved stays. */
export function batchNamedDrafts(told: BatchNamed, context: RuleContext): Draft[] {
  const { type, identity, from, to, net, currency, at, zone } = told;
  const balance = chart.processorBalance(context);
  const legs = [leg(balance, currency, net, to), leg(balance, currency, -net, from)];
  return [{ ...draft({ key: `${lineKey(identity)}:batch`, at, type }, legs), zone }];
}

/** An identity is the reader's to make: a colon in it must not look like what follows a key. */
const lineKey = (identity: string): string => `line:${pathPart(identity)}`;

/** What two batches or periods hand over is one item: it is zero when both say the same. */
export const carryReference = (from: string, to: string): string => `carry:${from}>${to}`;

function lineLegs(line: SettlementLine, context: RuleContext): Leg[] {
  const { batch, currency, net } = line;
  const balance = chart.processorBalance(context);
  const settled = leg(balance, currency, net, batch);
  switch (line.kind) {
    case 'reserve_hold':
    case 'reserve_release':
      return [settled, leg(chart.processorReserve(context), currency, -net, line.hold)];
    case 'carry_forward':
      return [settled, leg(balance, currency, -net, carryReference(line.from, line.to))];
    case 'payout':
    case 'topup':
      // Paid out is −gross. Where the batch is the payout itself, the two legs on it are one, and nothing without a fee.
      return [settled, leg(chart.payoutFees, currency, line.fee), leg(balance, currency, -line.gross, line.payout)];
    case 'payout_reversal':
      return [settled, leg(balance, currency, -net, line.payout)];
    case 'fee':
    case 'tax':
    case 'fx_conversion':
    case 'rounding':
    case 'adjustment':
    case 'other':
      return [settled, ...balanceLegs(line, context)];
    default:
      return [settled, ...movementLegs(line, context)];
  }
}

function movementLegs(line: MovementLine, context: RuleContext): Leg[] {
  const { reference, component = 'gross', currency, gross, fee, tax, payer } = line;
  const pending = chart.processorPending(context);
  const costs = [leg(pending, currency, fee, reference, 'fee'), leg(chart.taxRecoverable, currency, tax)];
  if (payer === undefined) return [...costs, leg(pending, currency, -gross, reference, component)];
  return [
    leg(pending, payer.currency, -payer.amount, reference, component),
    leg(chart.fxPosition, payer.currency, payer.amount),
    ...costs,
    leg(chart.fxPosition, currency, -gross),
  ];
}

function balanceLegs(line: BalanceLine, context: RuleContext): Leg[] {
  const { currency, net, fee, tax } = line;
  switch (line.kind) {
    case 'fee':
    case 'tax':
      return [leg(chart.processingFees(context), currency, fee), leg(chart.taxRecoverable, currency, tax)];
    case 'fx_conversion':
      return [leg(chart.fxPosition, currency, -net)];
    case 'rounding':
      return [leg(chart.rounding, currency, -net)];
    case 'adjustment':
    case 'other':
      return [leg(chart.suspense(context), currency, -net, line.identity)];
  }
}

/** What moved before the account's first day has no webhook, by design: what its line leaves open was there before us. */
function firstDay(line: SettlementLine, key: string, context: RuleContext): Draft[] {
  if (!('reference' in line) || line.beforeLive !== true) return [];
  const { reference, component = 'gross', at } = line;
  const { amount, currency } = line.payer ?? { amount: line.gross, currency: line.currency };
  const legs = [
    leg(chart.processorPending(context), currency, amount, reference, component),
    leg(chart.openingBalances, currency, -amount),
  ];
  return [draft({ key: `${key}:first_day`, at, type: FIRST_DAY }, legs)];
}

/**
 * A payout that no webhook told yet is told by its line. One that is told stands: a difference is open on the payout. What of a
 * dispute no webhook tells (all that PayPal moves, what Worldpay gives back) its lines do, under the payment disputed.
 */
function impliedBy(line: SettlementLine, context: RuleContext): Draft[] {
  switch (line.kind) {
    case 'payout':
    case 'topup':
      return [{ ...payoutCreated(payoutOf(line, -line.gross), context), yields: true }];
    case 'payout_reversal': {
      const payout = payoutOf(line, line.gross);
      const undone = payoutUndone({ ...payout, key: `${line.payout}:failed`, type: 'payout.failed' }, context);
      return [
        { ...payoutCreated(payout, context), yields: true },
        { ...undone, yields: true },
      ];
    }
    case 'chargeback':
    case 'chargeback_reversal':
      return line.component === 'dispute' && line.gross !== 0n && line.beforeLive !== true
        ? disputeMoved(line, context)
        : [];
    default:
      return [];
  }
}

function disputeMoved(line: MovementLine, context: RuleContext): Draft[] {
  const { kind, identity, reference, at } = line;
  const { amount, currency } = line.payer ?? { amount: line.gross, currency: line.currency };
  const key = `${lineKey(identity)}:dispute`;
  const told = { key, at, currency, dispute: reference, component: 'dispute' } as const;
  return paymentDrafts(
    kind === 'chargeback'
      ? { ...told, type: 'dispute.withdrawn', amount: -amount }
      : { ...told, type: 'dispute.reinstated', amount },
    context,
  );
}

function payoutOf({ payout, currency, settled, at }: PayoutLine, amount: bigint) {
  return { payout, amount, currency, at, ...(settled === undefined ? {} : { settled }) };
}

/** Posts unless a webhook or the API announced a fee of the reference; an announcement that comes later takes it back. */
function recognition(line: SettlementLine, key: string, context: RuleContext): Draft[] {
  if (!('reference' in line) || line.fee === 0n) return [];
  const { kind, reference, currency, fee, at } = line;
  const isDispute = kind === 'chargeback' || kind === 'chargeback_reversal';
  const legs = [
    leg(isDispute ? chart.disputeFees : chart.processingFees(context), currency, fee),
    leg(chart.processorPending(context), currency, -fee, reference, 'fee'),
  ];
  return [
    draft({ key: `${key}:fee_recognised`, at, type: FEE_RECOGNISED }, legs, { kind: 'fee_recognised', reference }),
  ];
}

const FIRST_DAY = 'settlement.first_day';

export const FEE_RECOGNISED = 'fee.recognised';
