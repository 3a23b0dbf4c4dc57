import { orderId, klarna as simulator } from '../../klarna.ts';
import { type Life, moment, stableText, stableUuid } from '../../life.ts';
import { UPPER } from '../../random.ts';
import { isoSeconds, wireNumber } from '../../told-event.ts';
import { csvRow, major } from '../decimal.ts';
import type { BatchReport, Dialect } from '../dialect.ts';
import { keptCaptures } from '../lives.ts';
import type { Movement } from '../movement.ts';
import type { WorldAccount } from '../world-account.ts';

/** docs.klarna.com, "Settlement files": a line of names, a line of values, then the rows. */
const TOTALS = [
  'total_sale_amount',
  'total_return_amount',
  'total_reversal_amount',
  'total_fee_amount',
  'total_fee_correction_amount',
  'total_commission_amount',
  'total_commission_reversal_amount',
  'total_tax_amount',
  'total_charge_amount',
  'total_credit_amount',
  'total_repay_amount',
  'total_holdback_amount',
  'total_release_amount',
  'total_fee_refund_amount',
  'total_deposit_amount',
  'total_settlement_amount',
  'opening_debt_balance',
  'closing_debt_balance',
] as const;

const ROWS = [
  'type',
  'capture_date',
  'sale_date',
  'order_id',
  'short_order_id',
  'capture_id',
  'refund_id',
  'merchant_reference1',
  'merchant_reference2',
  'amount',
  'posting_currency',
  'purchase_country',
  'detailed_type',
] as const;

type Fields = Partial<Record<(typeof ROWS)[number], string>>;

export const klarna: Dialect = {
  simulator,
  currencies: simulator.currencies,
  zone: 'UTC',
  format: 'settlement',
  mode: 'payout',
  settings: { api_key: 'K000000_simulated:simulated' },
  reference: (life, kind, index) => (kind === 'refund' ? refundId(life, index) : orderId(life)),
  feesTold: false,
  disputeFee: 'none',
  costs: 'each',
  negatives: false,
  numbered: false,
  joins: false,
  tellsDisputes: 'all',
  fx: 'none',
  hold: 'holdback',
  extremes: 'none',
  payoutReference: ({ life }) => paymentReference(life),
  batchReference: ({ life }) => paymentReference(life),
  answers: (life) => [[`/ordermanagement/v1/orders/${orderId(life)}`, JSON.stringify(order(life))]],
  bankText: ({ life }) => ({ endToEnd: null, text: `KLARNA ${paymentReference(life)}` }),
  fileName: ({ batches }) => `settlement-${batches.at(-1)?.batch ?? 0}.csv`,
  *write({ account, batches }) {
    for (const batch of batches) yield* file(account, batch);
  },
};

function* file({ currency, name }: WorldAccount, report: BatchReport): Generator<string> {
  const { payout } = report;
  const sums = { sale: 0n, back: 0n, reversed: 0n };
  const held = { holdback: 0n, release: 0n };
  for (const { kind, gross } of report.movements()) {
    if (kind === 'reserve_hold') held.holdback -= gross;
    if (kind === 'reserve_release') held.release += gross;
  }
  for (const { kind, gross } of counted(report)) {
    if (kind === 'chargeback') sums.reversed -= gross;
    else if (gross < 0n) sums.back -= gross;
    else sums.sale += gross;
  }
  const totals: Partial<Record<(typeof TOTALS)[number], bigint>> = {
    total_sale_amount: sums.sale,
    total_return_amount: sums.back,
    total_reversal_amount: sums.reversed,
    total_fee_amount: report.fee,
    total_holdback_amount: held.holdback,
    total_release_amount: held.release,
    total_settlement_amount: report.net,
  };
  yield csvRow(
    [...TOTALS, 'payment_reference', 'settlement_currency', 'payout_date', 'merchant_id', 'merchant_settlement_type'],
    ';',
  );
  const paid = [paymentReference(payout.life), currency.code, isoSeconds(payout.life.startedAt), name, 'NET'];
  yield csvRow([...TOTALS.map((total) => major(totals[total] ?? 0n, currency)), ...paid], ';');
  yield csvRow(ROWS, ';');
  const row = (fields: Fields): string =>
    csvRow(
      ROWS.map((column) => fields[column] ?? ''),
      ';',
    );
  for (const movement of report.movements()) {
    const { kind, life, gross, fee, at } = movement;
    if (life === null) {
      const amount = major(gross < 0n ? -gross : gross, currency);
      const type = kind === 'reserve_hold' ? 'HOLDBACK' : 'RELEASE';
      yield row({ type, capture_date: isoSeconds(at), amount, posting_currency: currency.code });
      continue;
    }
    const [type = '', detailed_type = ''] = TYPES[kind] ?? [];
    const fields: Fields = {
      type,
      capture_date: isoSeconds(at),
      sale_date: isoSeconds(life.startedAt),
      order_id: orderId(life),
      short_order_id: orderId(life).slice(0, 8).toUpperCase(),
      capture_id: kind === 'charge' ? captureId(life, movement) : '',
      refund_id: kind === 'refund' ? refundId(life, movement.index) : '',
      merchant_reference1: `order-${life.number}`,
      amount: major(gross < 0n ? -gross : gross, currency),
      posting_currency: currency.code,
      purchase_country: 'DE',
      detailed_type,
    };
    yield row(fields);
    if (fee !== 0n)
      yield row({ ...fields, type: 'FEE', amount: major(fee, currency), detailed_type: 'PURCHASE_FEE_PERCENTAGE' });
  }
}

const TYPES: Partial<Record<Movement['kind'], readonly [type: string, detailed: string]>> = {
  charge: ['SALE', 'PURCHASE'],
  refund: ['RETURN', 'PURCHASE_RETURN'],
  chargeback: ['REVERSAL', ''],
};

/** With what was cut out of the rows as one more. */
function counted(report: BatchReport): Pick<Movement, 'kind' | 'gross'>[] {
  const all = [...report.movements()];
  const shown = all.filter(({ life }) => life !== null);
  const rest = report.gross - all.reduce((sum, { gross }) => sum + gross, 0n);
  return rest === 0n ? shown : [...shown, { kind: 'charge', gross: rest }];
}

/** What the order management API tells of it in the end. */
function order(life: Life): object {
  const captures = keptCaptures(life);
  const captured = captures.reduce((sum, part) => sum + part, 0n);
  return {
    order_id: orderId(life),
    status: captured === life.amount ? 'CAPTURED' : 'PART_CAPTURED',
    purchase_currency: life.currency,
    original_order_amount: wireNumber(life.amount),
    order_amount: wireNumber(life.amount),
    created_at: isoSeconds(life.startedAt),
    captures: captures.map((amount, index) => ({
      capture_id: stableUuid(life, `capture${index}`),
      captured_amount: wireNumber(amount),
      captured_at: isoSeconds(moment(life, 3 + index)),
    })),
    refunds: life.refunds.map(({ amount }, index) => ({
      refund_id: refundId(life, index),
      refunded_amount: wireNumber(amount),
      refunded_at: isoSeconds(moment(life, 20 + index)),
    })),
  };
}

const captureId = (life: Life, { index, twin }: Movement): string =>
  stableUuid(life, `capture${index}${twin === true ? 'again' : ''}`);
const refundId = (life: Life, index: number): string => stableUuid(life, `refund${index}`);
const paymentReference = (life: Life): string => `KLN${stableText(life, 'paymentreference', 9, UPPER)}`;
