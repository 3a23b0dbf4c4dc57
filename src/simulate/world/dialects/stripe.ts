import { CURRENCIES, stableText } from '../../life.ts';
import { stripe as simulator, tellStripeObject, tellStripePayout } from '../../stripe.ts';
import { chargeId, disputeId, intentId, movementId, payoutId, refundId } from '../../stripe-objects.ts';
import { wireNumber } from '../../told-event.ts';
import { csvRow, major } from '../decimal.ts';
import type { BatchReport, Dialect, ReportFile } from '../dialect.ts';
import { localTime } from '../local-time.ts';
import { type Movement, netOf } from '../movement.ts';
import { payoutLife } from '../payout-life.ts';
import { bookedAt, DAY, type WorldAccount } from '../world-account.ts';

/** docs.stripe.com/reports/report-types/payout-reconciliation */
const COLUMNS = [
  'automatic_payout_id',
  'automatic_payout_effective_at',
  'balance_transaction_id',
  'created',
  'available_on',
  'currency',
  'gross',
  'fee',
  'net',
  'reporting_category',
  'source_id',
  'charge_id',
  'payment_intent_id',
  'description',
  'customer_facing_amount',
  'customer_facing_currency',
  'payment_method_type',
  'card_brand',
  'trace_id',
  'trace_id_status',
  'payment_metadata[order_id]',
] as const;

type Column = (typeof COLUMNS)[number];

const CATEGORIES: Readonly<Record<Movement['kind'], string>> = {
  charge: 'charge',
  refund: 'refund',
  refund_reversal: 'refund_failure',
  chargeback: 'dispute',
  chargeback_reversal: 'dispute_reversal',
  transfer: 'transfer',
  platform_fee: 'platform_earning',
  fee: 'fee',
  reserve_hold: 'risk_reserved_funds',
  reserve_release: 'risk_reserved_funds',
  payout_reversal: 'payout_reversal',
  rounding: 'other_adjustment',
  unknown: 'lunar_levy',
};

export const stripe: Dialect = {
  simulator,
  currencies: CURRENCIES.filter(({ code }) => ['EUR', 'JPY', 'KWD', 'USD'].includes(code)),
  zone: 'UTC',
  format: 'payout_reconciliation',
  mode: 'payout',
  reference(life, kind, index) {
    if (kind === 'refund' || kind === 'refund_reversal') return refundId(life, index);
    return kind === 'chargeback' || kind === 'chargeback_reversal' ? disputeId(life) : chargeId(life);
  },
  feesTold: true,
  disputeFee: 'told',
  costs: 'each',
  negatives: true,
  numbered: false,
  joins: true,
  tellsDisputes: 'all',
  fx: 'untold',
  hold: 'risk_reserved_funds',
  extremes: 'all',
  extras,
  tellExtra,
  payoutReference: ({ life }) => payoutId(life),
  batchReference: ({ life }) => payoutId(life),
  tellPayout: ({ life, account }) => tellStripePayout(life, account.name),
  bankText: (payout) => ({ endToEnd: traceId(payout.life), text: `STRIPE PAYOUT ${payoutId(payout.life)}` }),
  fileName: ({ batches }) => `payout_reconciliation.itemized.${batches.at(-1)?.batch ?? 0}.csv`,
  *write(file) {
    yield csvRow(COLUMNS);
    for (const batch of file.batches) yield* rows(file, batch);
  },
};

function* rows({ account }: ReportFile, report: BatchReport): Generator<string> {
  const { batch, payout } = report;
  const day = localTime(bookedAt(account, batch) + DAY, 'UTC').slice(0, 10);
  const batchFields = {
    automatic_payout_id: payoutId(payout.life),
    automatic_payout_effective_at: `${day} 00:00:00`,
    currency: account.currency.code.toLowerCase(),
    trace_id: traceId(payout.life),
    trace_id_status: 'supported',
  };
  for (const movement of report.movements())
    yield row({ ...batchFields, ...amounts(account, movement), ...named(movement) });
  if (!report.showsPayout) return;
  const paid = { gross: -payout.amount, fee: 0n, tax: 0n, at: payout.life.startedAt };
  yield row({
    ...batchFields,
    ...amounts(account, paid),
    balance_transaction_id: movementId(payout.life, 'payout'),
    reporting_category: 'payout',
    source_id: payoutId(payout.life),
    description: 'STRIPE PAYOUT',
  });
}

function row(fields: Partial<Record<Column, string>>): string {
  return csvRow(COLUMNS.map((name) => fields[name] ?? ''));
}

function amounts(
  { currency }: WorldAccount,
  one: Pick<Movement, 'gross' | 'fee' | 'tax' | 'at' | 'payer'>,
): Partial<Record<Column, string>> {
  return {
    created: localTime(one.at, 'UTC'),
    available_on: `${localTime(one.at, 'UTC').slice(0, 10)} 00:00:00`,
    gross: major(one.gross, currency),
    fee: major(one.fee, currency),
    net: major(netOf(one), currency),
    ...(one.payer === undefined
      ? {}
      : {
          customer_facing_amount: major(one.payer.amount, { exponent: 2 }),
          customer_facing_currency: one.payer.currency.toLowerCase(),
        }),
  };
}

function named(movement: Movement): Partial<Record<Column, string>> {
  const { kind, life, name, reference, index, twin, batch } = movement;
  const again = twin === true ? 'again' : '';
  const category = { reporting_category: CATEGORIES[kind] };
  if (life === null) {
    const id = `txn_1${(reference ?? `${kind}${batch}`).replaceAll('_', '')}${kind === 'reserve_release' ? 'back' : ''}`;
    return {
      ...category,
      balance_transaction_id: id,
      source_id: reference ?? '',
      description: DESCRIPTIONS[kind] ?? '',
    };
  }
  if (kind === 'payout_reversal') {
    return {
      ...category,
      balance_transaction_id: movementId(life, 'payout_reversal'),
      source_id: reference ?? '',
      description: 'STRIPE PAYOUT FAILURE',
    };
  }
  // The balance transaction a webhook tells of the first capture is the report's.
  const label = name === 'capture0' ? 'charge' : name;
  return {
    ...category,
    balance_transaction_id: movementId(life, `${label}${again}`),
    source_id: reference ?? '',
    charge_id: chargeId(life),
    payment_intent_id: intentId(life),
    description: index === 0 && kind === 'charge' ? `Order ${life.number}` : '',
    payment_method_type: 'card',
    card_brand: 'Visa',
    'payment_metadata[order_id]': String(life.number),
  };
}

const DESCRIPTIONS: Partial<Record<Movement['kind'], string>> = {
  fee: 'Radar for Fraud Teams (2026-03)',
  transfer: 'Transfer to a connected account',
  unknown: 'Levy, see your contract',
};

/** What happens beside payments: fees of the account, reserves held and released, a seller paid, a platform's fee. */
function extras(account: WorldAccount, batch: number): Movement[] {
  const { step } = account.currency;
  const life = payoutLife(account, batch, 0n, false);
  const make = (kind: Movement['kind'], reference: string | null, gross: bigint, fee = 0n): Movement => {
    const at = bookedAt(account, batch);
    return { kind, name: `${kind}${batch}`, index: batch, life: null, reference, at, batch, gross, fee, tax: 0n };
  };
  const hold = (of: number): string => `rsv_1${stableText(payoutLife(account, of, 0n, false), 'hold', 23)}`;
  const made: Movement[] = [];
  if (batch % 2 === 0) made.push(make('fee', null, 0n, 7n * step));
  if (batch % 6 === 4) made.push(make('reserve_hold', hold(batch), -100n * step));
  if (batch > 4 && batch % 6 === 1) made.push(make('reserve_release', hold(batch - 3), 100n * step));
  if (batch % 6 === 5) made.push(make('transfer', `tr_1${stableText(life, 'transfer', 23)}`, -90n * step));
  if (batch % 6 === 0) made.push(make('platform_fee', `fee_1${stableText(life, 'platformfee', 23)}`, 40n * step));
  return made;
}

function tellExtra({ kind, reference, gross, batch, at }: Movement, account: WorldAccount) {
  const life = payoutLife(account, batch, 0n, false);
  const object = {
    id: reference,
    amount: wireNumber(gross < 0n ? -gross : gross),
    currency: account.currency.code.toLowerCase(),
    created: Math.floor((at - DAY / 2) / 1000),
    livemode: false,
  };
  if (kind === 'transfer') {
    const transfer = {
      ...object,
      object: 'transfer',
      amount_reversed: 0,
      destination: `acct_1${stableText(life, 'seller', 16)}`,
      reversals: { object: 'list', data: [], has_more: false, total_count: 0 },
      reversed: false,
    };
    return [tellStripeObject(life, { type: 'transfer.created', at, object: transfer })];
  }
  if (kind !== 'platform_fee') return [];
  const fee = {
    ...object,
    object: 'application_fee',
    account: `acct_1${stableText(life, 'seller', 16)}`,
    amount_refunded: 0,
    refunds: { object: 'list', data: [], has_more: false, total_count: 0 },
    refunded: false,
  };
  return [tellStripeObject(life, { type: 'application_fee.created', at, object: fee })];
}

/** What the bank shows of a payout: the ACH or SEPA trace. */
function traceId(life: Parameters<typeof payoutId>[0]): string {
  return `ST${stableText(life, 'trace', 14, '0123456789ABCDEFGHJKLMNPQRSTUVWXYZ')}`;
}
