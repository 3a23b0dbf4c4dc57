import { actionId, paymentId, checkout as simulator } from '../../checkout.ts';
import { CURRENCIES, type Life, stableText } from '../../life.ts';
import { DIGITS, UPPER } from '../../random.ts';
import { csvRow, major, majorAndHalf } from '../decimal.ts';
import type { BatchReport, Dialect } from '../dialect.ts';
import { localTime } from '../local-time.ts';
import type { Movement } from '../movement.ts';
import { bookedAt, type WorldAccount } from '../world-account.ts';

/** checkout.com/docs, financial actions by payout: a row for each breakdown of an action. */
const COLUMNS = [
  'Client Entity ID',
  'Client Entity Name',
  'Processing Channel ID',
  'Action Type',
  'Action ID',
  'Payment ID',
  'Requested On',
  'Processed On',
  'Processing Currency',
  'Holding Currency',
  'Payout ID',
  'Breakdown Type',
  'Processing Currency Amount',
  'Holding Currency Amount',
  'FX Rate Applied',
  'Reference',
  'Payment Method',
] as const;

export const checkout: Dialect = {
  simulator,
  currencies: CURRENCIES.filter(({ code }) => ['EUR', 'JPY', 'USD', 'KWD'].includes(code)),
  zone: 'UTC',
  format: 'financial_actions',
  mode: 'payout',
  abilities: { captureFailure: 'none' },
  // A dispute's id is in no report: it goes by its payment.
  reference: (life, kind, index) => (kind === 'refund' ? actionId(life, `refund${index}`) : paymentId(life)),
  feesTold: false,
  disputeFee: 'charged',
  costs: 'each',
  negatives: true,
  numbered: false,
  joins: true,
  tellsDisputes: 'all',
  fx: 'told',
  fractions: true,
  hold: 'Rolling Reserve',
  extremes: 'none',
  payoutReference: ({ life }) => payoutId(life),
  batchReference: ({ life }) => payoutId(life),
  bankText: ({ life }) => ({ endToEnd: null, text: `CHECKOUT COM ${payoutId(life)}` }),
  fileName: ({ account, batches }) =>
    `financial-actions_ent_sim_${localTime(bookedAt(account, batches.at(-1)?.batch ?? 0), 'UTC')
      .slice(0, 10)
      .replaceAll('-', '')}_${batches.map(({ payout }) => payoutId(payout.life)).join('_')}_1.csv`,
  *write({ account, batches }) {
    yield csvRow(COLUMNS);
    for (const batch of batches) yield* rows(account, batch);
  },
};

type Fields = Partial<Record<(typeof COLUMNS)[number], string>>;

function* rows(account: WorldAccount, report: BatchReport): Generator<string> {
  const { currency } = account;
  const payout = payoutId(report.payout.life);
  const row = (fields: Fields, amount: bigint): string => {
    const all: Fields = {
      'Client Entity ID': 'ent_simulated',
      'Client Entity Name': 'Shop',
      'Processing Channel ID': 'pc_simulated',
      'Processing Currency': currency.code,
      'Holding Currency': currency.code,
      'Payout ID': payout,
      'Processing Currency Amount': major(amount, currency),
      'Holding Currency Amount': major(amount, currency),
      'FX Rate Applied': '1',
      ...fields,
    };
    return csvRow(COLUMNS.map((name) => all[name] ?? ''));
  };
  const costRow = (fields: Fields, { fee, half }: Movement): string => {
    const text = half === true ? majorAndHalf(-fee, currency) : major(-fee, currency);
    return row({ ...fields, 'Processing Currency Amount': text, 'Holding Currency Amount': text }, -fee);
  };
  for (const movement of report.movements()) {
    const fields = named(movement);
    const own = { ...fields, 'Breakdown Type': DISPUTED[movement.kind] ?? fields['Action Type'] ?? '' };
    if (movement.kind === 'fee') {
      yield costRow(own, movement);
      continue;
    }
    yield row({ ...own, ...paidIn(movement) }, movement.gross);
    if (movement.fee === 0n) continue;
    if (movement.kind === 'chargeback') {
      yield row({ ...fields, 'Breakdown Type': 'Chargeback Fixed Fee' }, -movement.fee);
      continue;
    }
    // What the scheme takes, and Checkout.com's own.
    const scheme = movement.fee / 3n;
    if (scheme !== 0n) yield row({ ...fields, 'Breakdown Type': 'Scheme Fixed Fee' }, -scheme);
    yield row({ ...fields, 'Breakdown Type': 'Premium Variable Fee' }, scheme - movement.fee);
  }
  if (!report.showsPayout) return;
  const at = time(report.payout.life.startedAt);
  const paid = {
    'Action Type': 'Payout',
    'Action ID': payout,
    'Breakdown Type': 'Payout',
    'Requested On': at,
    'Processed On': at,
  };
  yield row(paid, -report.payout.amount);
}

const OF_ACCOUNT: Partial<Record<Movement['kind'], string>> = {
  fee: 'Gateway Fee',
  reserve_hold: 'Rolling Reserve',
  reserve_release: 'Rolling Reserve',
};

/** Taken, and given back to who won; their action is the same. */
const DISPUTED: Partial<Record<Movement['kind'], string>> = {
  chargeback: 'Chargeback (ADJM)',
  chargeback_reversal: 'Chargeback (RPDW)',
};

function paidIn({ payer }: Movement): Fields {
  if (payer === undefined) return {};
  return {
    'Processing Currency': payer.currency,
    'Processing Currency Amount': major(payer.amount, { exponent: 2 }),
    'FX Rate Applied': payer.rate,
  };
}

function named({ kind, life, at, name, batch, twin }: Movement): Fields {
  const times = { 'Requested On': time(at - 3_600_000), 'Processed On': time(at) };
  if (life === null)
    return { ...times, 'Action Type': OF_ACCOUNT[kind] ?? 'Lunar Levy', 'Action ID': `act_${name}${batch}` };
  return {
    ...times,
    'Action Type': kind === 'refund' ? 'Refund' : DISPUTED[kind] === undefined ? 'Capture' : 'Chargeback',
    'Action ID': actionId(life, `${name}${twin === true ? 'again' : ''}`),
    'Payment ID': paymentId(life),
    Reference: `order-${life.number}`,
    'Payment Method': 'VISA',
  };
}

const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 23)}`;
const payoutId = (life: Life): string =>
  `${stableText(life, 'payout', 8, DIGITS)}${stableText(life, 'payout#', 4, UPPER)}`;
