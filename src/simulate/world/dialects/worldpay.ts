import { type Life, stableText } from '../../life.ts';
import { DIGITS } from '../../random.ts';
import { worldpay as simulator, transactionReference } from '../../worldpay.ts';
import { csvRow, major } from '../decimal.ts';
import type { BatchReport, Dialect, Payout } from '../dialect.ts';
import { localTime } from '../local-time.ts';
import { type Movement, netOf } from '../movement.ts';
import type { WorldAccount } from '../world-account.ts';

/** support.worldpay.com, "Transfer Batch report", refunds exported as negative values. */
const COLUMNS = [
  'Merchant Code',
  'Batch ID',
  'Order Code',
  'Event Type',
  'Event Date',
  'Payment Method',
  'Payment Currency',
  'Payment Amount',
  'Commission Amount',
  'Transfer Currency',
  'Transfer Amount',
  'Modification Reference',
  'Exchange Rate',
] as const;

type Fields = Partial<Record<(typeof COLUMNS)[number], string>>;

const EVENTS: Readonly<Record<Movement['kind'], string>> = {
  charge: 'SETTLED',
  refund: 'REFUNDED',
  refund_reversal: 'REFUND_FAILED',
  chargeback: 'CHARGED_BACK',
  chargeback_reversal: 'CHARGEBACK_REVERSED',
  transfer: 'LUNAR_LEVY',
  platform_fee: 'LUNAR_LEVY',
  fee: 'INVOICE_PAID',
  reserve_hold: 'TRANSFERRED_TO_DEPOSIT',
  reserve_release: 'TRANSFERRED_TO_DEPOSIT',
  payout_reversal: 'PAYMENT_TO_MERCHANT_RETURNED',
  rounding: 'ROUNDING',
  unknown: 'LUNAR_LEVY',
};

export const worldpay: Dialect = {
  simulator,
  currencies: simulator.currencies,
  zone: 'Europe/London',
  format: 'transfer_batch',
  mode: 'payout',
  // Also of what is told in another currency by mistake.
  settings: { currency_exponents: { JPY: 0, KRW: 0 } },
  // That a chargeback was reversed has a row, and no webhook.
  abilities: { disputes: 'return' },
  reference: (life, kind, index) =>
    kind === 'refund' || kind === 'refund_reversal'
      ? `${transactionReference(life)}/refund-${index + 1}`
      : transactionReference(life),
  feesTold: false,
  disputeFee: 'none',
  costs: 'each',
  negatives: false,
  numbered: false,
  joins: true,
  tellsDisputes: 'withdrawals',
  fx: 'told',
  roundingRow: true,
  hold: 'deposit',
  extremes: 'none',
  payoutReference: (payout) => `${payout.account.name}/${batchId(payout.life)}`,
  batchReference: (payout) => `${payout.account.name}/${batchId(payout.life)}`,
  bankText: ({ life }) => ({ endToEnd: null, text: `WORLDPAY ${batchId(life)}` }),
  fileName: ({ batches }) => `transfer-batch-${batches.at(-1)?.batch ?? 0}.csv`,
  *write({ account, batches }) {
    yield csvRow(COLUMNS);
    for (const batch of batches) yield* rows(account, batch);
  },
};

function* rows(account: WorldAccount, report: BatchReport): Generator<string> {
  const { currency, name, dialect } = account;
  const { payout } = report;
  const row = (at: number, fields: Fields): string => {
    const all: Fields = {
      'Merchant Code': name,
      'Batch ID': batchId(payout.life),
      'Event Date': localTime(at, dialect.zone).slice(0, 10),
      'Transfer Currency': currency.code,
      ...fields,
    };
    return csvRow(COLUMNS.map((column) => all[column] ?? ''));
  };
  for (const movement of report.movements()) {
    const { kind, life, gross, fee, at, twin, payer } = movement;
    yield row(at, {
      'Order Code': life === null ? '' : transactionReference(life),
      'Event Type': EVENTS[kind],
      'Payment Method': 'VISA-SSL',
      'Payment Currency': payer?.currency ?? currency.code,
      'Payment Amount': major(payer?.amount ?? gross, payer === undefined ? currency : { exponent: 2 }),
      'Commission Amount': fee === 0n ? '' : major(fee, currency),
      'Transfer Amount': major(netOf(movement), currency),
      'Exchange Rate': payer?.rate ?? '',
      'Modification Reference': life === null ? '' : `${modification(movement, life)}${twin === true ? '-again' : ''}`,
    });
  }
  if (report.showsPayout)
    yield row(payout.life.startedAt, {
      'Event Type': 'PAYMENT_TO_MERCHANT',
      'Transfer Amount': major(-payout.amount, currency),
    });
}

function modification({ kind, index }: Movement, { captures, amount }: Life): string {
  if (kind === 'charge') return captures === null || captures[index] === amount ? '' : `part-${index + 1}`;
  return kind === 'refund' || kind === 'refund_reversal' ? `refund-${index + 1}` : '';
}

const batchId = (life: Payout['life']): string => stableText(life, 'transferbatch', 9, DIGITS);
