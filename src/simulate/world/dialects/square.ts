import { stableText } from '../../life.ts';
import {
  disputeId,
  endToEndId,
  paymentId,
  payoutId,
  refundId,
  square as simulator,
  tellSquarePayout,
} from '../../square.ts';
import { isoTime } from '../../told-event.ts';
import type { BatchReport, Dialect, ReportFile } from '../dialect.ts';
import { type Movement, netOf } from '../movement.ts';

const TYPES: Readonly<Record<Movement['kind'], string>> = {
  charge: 'CHARGE',
  refund: 'REFUND',
  refund_reversal: 'REFUND',
  chargeback: 'DISPUTE',
  chargeback_reversal: 'DISPUTE',
  transfer: 'MONEY_TRANSFER',
  platform_fee: 'APP_FEE_REVENUE',
  fee: 'FEE',
  reserve_hold: 'RESERVE_HOLD',
  reserve_release: 'RESERVE_RELEASE',
  payout_reversal: 'RETURNED_PAYOUT',
  rounding: 'OTHER_ADJUSTMENT',
  unknown: 'LUNAR_LEVY',
};

/** developer.squareup.com/reference/square/payouts-api: a payout, then the page of its entries. */
export const square: Dialect = {
  simulator,
  currencies: simulator.currencies,
  zone: 'UTC',
  format: 'payout_entries',
  mode: 'payout',
  reference(life, kind, index) {
    if (kind === 'refund' || kind === 'refund_reversal') return refundId(life, index);
    return kind === 'chargeback' || kind === 'chargeback_reversal' ? disputeId(life) : paymentId(life);
  },
  feesTold: true,
  disputeFee: 'none',
  costs: 'each',
  negatives: true,
  numbered: false,
  joins: true,
  tellsDisputes: 'all',
  fx: 'none',
  hold: 'reserve',
  extremes: 'large',
  payoutReference: ({ life }) => payoutId(life),
  batchReference: ({ life }) => payoutId(life),
  tellPayout: ({ life, account }) => tellSquarePayout(life, account.name),
  bankText: ({ life }) => ({ endToEnd: endToEndId(life), text: `SQUARE ${payoutId(life)}` }),
  fileName: ({ batches }) => `payout-${batches.at(-1)?.batch ?? 0}.json`,
  *write(file) {
    for (const batch of file.batches) yield* payout(file, batch);
  },
};

function* payout({ account }: ReportFile, report: BatchReport): Generator<string> {
  const { life, amount } = report.payout;
  const { code } = account.currency;
  const at = isoTime(life.startedAt);
  if (report.showsPayout)
    yield `{"payout":{"id":"${payoutId(life)}","status":"PAID","location_id":"LSIMULATED","created_at":"${at}",` +
      `"updated_at":"${at}","amount_money":${money(amount, code)},"destination":{"type":"BANK_ACCOUNT","id":"bact:sim"},` +
      `"version":1,"type":"BATCH","payout_fee":[],"arrival_date":"${at.slice(0, 10)}","end_to_end_id":"${endToEndId(life)}"}}\n`;
  yield '{"payout_entries":[';
  let first = true;
  for (const movement of report.movements()) {
    yield `${first ? '' : ','}\n${entry(movement, payoutId(life), code)}`;
    first = false;
  }
  yield ']}\n';
}

function entry(movement: Movement, payoutOf: string, code: string): string {
  const { kind, life, name, gross, fee, at, twin, batch } = movement;
  const own = life === null ? `${name}${batch}` : stableText(life, `entry${name}${twin === true ? 'again' : ''}`, 24);
  const word = TYPES[kind];
  const details = detailsOf(movement);
  return (
    `{"id":"poe_${own}","payout_id":"${payoutOf}","effective_at":"${isoTime(at)}","type":"${word}",` +
    `"gross_amount_money":${money(gross, code)},"fee_amount_money":${money(fee, code)},` +
    `"net_amount_money":${money(netOf(movement), code)}` +
    `${details === null ? '' : `,"type_${word.toLowerCase()}_details":${JSON.stringify(details)}`}}`
  );
}

function detailsOf({ kind, life, index }: Movement): object | null {
  if (life === null) return null;
  const payment_id = paymentId(life);
  if (kind === 'charge') return { payment_id };
  if (kind === 'refund' || kind === 'refund_reversal') return { payment_id, refund_id: refundId(life, index) };
  return { payment_id, dispute_id: disputeId(life) };
}

const money = (amount: bigint, code: string): string => `{"amount":${amount},"currency":"${code}"}`;
