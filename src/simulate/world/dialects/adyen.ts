import { pspReference, adyen as simulator } from '../../adyen.ts';
import { CURRENCIES, stableText } from '../../life.ts';
import { DIGITS } from '../../random.ts';
import { csvRow, major, majorOrNothing } from '../decimal.ts';
import type { BatchReport, Dialect, Payout, ReportFile } from '../dialect.ts';
import { localTime } from '../local-time.ts';
import { type Movement, netOf } from '../movement.ts';
import { bookedAt, type WorldAccount } from '../world-account.ts';

/** docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report */
const COLUMNS = [
  'Company Account',
  'Merchant Account',
  'Psp Reference',
  'Merchant Reference',
  'Payment Method',
  'Creation Date',
  'TimeZone',
  'Type',
  'Modification Reference',
  'Gross Currency',
  'Gross Debit (GC)',
  'Gross Credit (GC)',
  'Exchange Rate',
  'Net Currency',
  'Net Debit (NC)',
  'Net Credit (NC)',
  'Commission (NC)',
  'Markup (NC)',
  'Scheme Fees (NC)',
  'Interchange (NC)',
  'Payment Method Variant',
  'Modification Merchant Reference',
  'Batch Number',
  'Reserved4',
  'Reserved5',
  'Reserved6',
  'Reserved7',
  'Reserved8',
  'Reserved9',
  'Reserved10',
  'Booking Date',
  'Booking Date TimeZone',
] as const;

type Column = (typeof COLUMNS)[number];
type Fields = Partial<Record<Column, string>>;

const TYPES: Readonly<Record<Movement['kind'], string>> = {
  charge: 'Settled',
  refund: 'Refunded',
  refund_reversal: 'RefundedReversed',
  chargeback: 'Chargeback',
  chargeback_reversal: 'ChargebackReversed',
  transfer: 'MiscCosts',
  platform_fee: 'MiscCosts',
  fee: 'Fee',
  reserve_hold: 'DepositCorrection',
  reserve_release: 'DepositCorrection',
  payout_reversal: 'BankInstructionReturned',
  rounding: 'ManualCorrected',
  unknown: 'LunarLevy',
};

export const adyen: Dialect = {
  simulator,
  currencies: CURRENCIES.filter(({ code }) => ['EUR', 'USD', 'JPY', 'KWD'].includes(code)),
  zone: 'Europe/Amsterdam',
  format: 'settlement_details',
  mode: 'batch',
  settings: { capture: 'automatic', multiple_partial_captures: true },
  reference(life, kind, index) {
    if (kind === 'refund' || kind === 'refund_reversal') return pspReference(life, `refund${index}`);
    return pspReference(life, kind === 'chargeback' || kind === 'chargeback_reversal' ? 'dispute' : 'payment');
  },
  feesTold: false,
  disputeFee: 'charged',
  costs: 'each',
  negatives: true,
  numbered: true,
  joins: true,
  tellsDisputes: 'all',
  fx: 'proved',
  hold: 'deposit',
  extremes: 'large',
  extras(account, batch) {
    if (batch % 2 === 1) return [];
    const at = bookedAt(account, batch);
    const fee = 381n * account.currency.step;
    return [
      {
        kind: 'fee',
        name: `fee${batch}`,
        index: batch,
        life: null,
        reference: null,
        at,
        batch,
        gross: 0n,
        fee,
        tax: 0n,
      },
    ];
  },
  carries: (batch) => batch % 9 === 1,
  payoutReference: (payout) => instruction(payout),
  batchReference: ({ account, batch }) => `${account.name}/${batch}`,
  bankText: (payout) => ({
    endToEnd: null,
    text: `${instruction(payout)} batch ${payout.batch}, ${payout.account.name} Adyen N.V.`,
  }),
  fileName: ({ batches }) => `settlement_detail_report_batch_${batches.at(-1)?.batch ?? 0}.csv`,
  *write(file) {
    yield csvRow(COLUMNS);
    for (const batch of file.batches) yield* rows(file, batch);
  },
};

function* rows({ account }: ReportFile, report: BatchReport): Generator<string> {
  const { batch, payout } = report;
  const { currency, name, dialect } = account;
  const booked = localTime(bookedAt(account, batch), dialect.zone);
  const zone = zoneName(bookedAt(account, batch), dialect.zone);
  const common: Fields = {
    'Company Account': 'SimCompany',
    'Merchant Account': name,
    TimeZone: zone,
    'Net Currency': currency.code,
    'Batch Number': String(batch),
    'Booking Date': booked,
    'Booking Date TimeZone': zone,
  };
  const whole = (type: string, text: string, credit: bigint): string =>
    row({ ...common, 'Creation Date': booked, Type: type, 'Modification Reference': text, ...net(account, credit) });
  if (report.carriedIn !== 0n)
    yield whole('Balancetransfer', `Balancetransfer from batch ${batch - 1}`, report.carriedIn);
  for (const movement of report.movements()) {
    if (movement.life === null) yield whole(TYPES[movement.kind], DESCRIPTIONS[movement.kind] ?? '', netOf(movement));
    else if (movement.kind === 'payout_reversal')
      yield whole(TYPES.payout_reversal, movement.reference ?? '', netOf(movement));
    else yield row({ ...common, ...payment(account, movement) });
  }
  if (report.carriedOut !== 0n)
    yield whole('Balancetransfer', `Balancetransfer to batch ${batch + 1}`, -report.carriedOut);
  if (report.showsPayout)
    yield whole('MerchantPayout', `${instruction(payout)} batch ${batch}, ${name}`, -payout.amount);
}

function row(fields: Fields): string {
  return csvRow(COLUMNS.map((name) => fields[name] ?? ''));
}

function payment(account: WorldAccount, movement: Movement): Fields {
  const { life, kind, name, index, gross, fee, at, payer, twin } = movement;
  if (life === null) return {};
  const paid = payer?.amount ?? gross;
  const payerExponent = payer === undefined ? account.currency : { exponent: 2 };
  // Interchange and what the scheme takes are the most of it; what is left is Adyen's own.
  const [interchange, scheme] = kind === 'charge' ? [(fee * 5n) / 10n, fee / 10n] : [0n, 0n];
  const auto = kind === 'charge' && life.captures === null;
  const order = `order-${life.number}`;
  return {
    'Psp Reference': pspReference(life, 'payment'),
    'Merchant Reference': order,
    'Payment Method': 'visa',
    'Creation Date': localTime(at - 7_200_000, account.dialect.zone),
    Type: kind === 'chargeback' && index > 0 ? 'SecondChargeback' : TYPES[kind],
    'Modification Reference': `${modification(movement)}${twin === true ? '2' : ''}`,
    'Gross Currency': payer?.currency ?? account.currency.code,
    [paid < 0n ? 'Gross Debit (GC)' : 'Gross Credit (GC)']: major(paid < 0n ? -paid : paid, payerExponent),
    'Exchange Rate': payer?.rate ?? '1',
    ...net(account, netOf(movement)),
    'Commission (NC)': majorOrNothing(fee - interchange - scheme, account.currency),
    'Scheme Fees (NC)': majorOrNothing(scheme, account.currency),
    'Interchange (NC)': majorOrNothing(interchange, account.currency),
    'Payment Method Variant': 'visastandardcredit',
    'Modification Merchant Reference': auto ? '<auto>' : kind === 'charge' ? name : order,
  };

  function modification({ kind: of, index: which }: Movement): string {
    if (life === null) return '';
    if (of === 'charge') return pspReference(life, `capture${which}`);
    return account.dialect.reference(life, of, which);
  }
}

/** Unsigned, in the column of its direction. */
function net({ currency }: WorldAccount, amount: bigint): Fields {
  return amount < 0n ? { 'Net Debit (NC)': major(-amount, currency) } : { 'Net Credit (NC)': major(amount, currency) };
}

const DESCRIPTIONS: Partial<Record<Movement['kind'], string>> = {
  fee: 'Transaction Fees March 2026',
  unknown: 'Levy, see your contract',
};

const instruction = ({ life }: Payout): string => `TX${stableText(life, 'instruction', 10, DIGITS)}XT`;

function zoneName(ms: number, zone: string): string {
  return zone !== 'Europe/Amsterdam'
    ? 'UTC'
    : localTime(ms, zone) === localTime(ms + 3_600_000, 'UTC')
      ? 'CET'
      : 'CEST';
}
