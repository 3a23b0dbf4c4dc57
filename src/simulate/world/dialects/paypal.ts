import { stableText } from '../../life.ts';
import { captureId, refundId, paypal as simulator } from '../../paypal.ts';
import { UPPER } from '../../random.ts';
import type { BatchReport, Dialect, Payout, ReportFile } from '../dialect.ts';
import { localTime, offsetAt } from '../local-time.ts';
import type { Movement } from '../movement.ts';
import { bookedAt, type WorldAccount } from '../world-account.ts';

/** developer.paypal.com/docs/reports/sftp-reports/settlement-report, the 22 columns of a body. */
const HEADER =
  '"CH","Transaction ID","Invoice ID","PayPal Reference ID","PayPal Reference ID Type","Transaction Event Code",' +
  '"Transaction Initiation Date","Transaction Completion Date","Transaction Debit or Credit","Gross Transaction Amount",' +
  '"Gross Transaction Currency","Fee Debit or Credit","Fee Amount","Fee Currency","Custom Field","Consumer ID",' +
  '"Payment Tracking ID","Store ID","Bank Reference ID","Credit Transactional Fee","Credit Promotional Fee","Credit Term"\n';

const WINDOW = 'A';
/** The transaction for which money is held back. */
const HOLD = 'HELDFORSIMULATION';

export const paypal: Dialect = {
  simulator,
  currencies: simulator.currencies,
  zone: 'America/Los_Angeles',
  format: 'settlement',
  mode: 'balance',
  // A refund that failed is a row of another code; here it does not happen. Webhooks tell how a dispute ends, rows what it moves.
  abilities: { refundFailure: 'none', disputes: 'cycles' },
  reference: (life, kind, index) =>
    kind === 'refund' ? refundId(life, index) : captureId(life, kind === 'charge' ? index : 0),
  feesTold: true,
  disputeFee: 'charged',
  costs: 'first',
  negatives: true,
  numbered: true,
  joins: false,
  tellsDisputes: 'nothing',
  fx: 'none',
  hold: HOLD,
  extremes: 'none',
  payoutReference: (payout) => withdrawal(payout),
  batchReference: ({ account, batch }) => `${day(account, batch)}.${WINDOW}`,
  bankText: (payout) => ({ endToEnd: null, text: `PAYPAL TRANSFER ${bankReference(payout)}` }),
  fileName: ({ account, batches }) => `STL-${day(account, batches.at(-1)?.batch ?? 0).replaceAll('-', '')}.01.009.CSV`,
  *write(file) {
    for (const batch of file.batches) yield* report(file, batch);
  },
};

function* report({ account }: ReportFile, batch: BatchReport): Generator<string> {
  const { currency, name, dialect } = account;
  const at = bookedAt(account, batch.batch);
  const date = day(account, batch.batch).replaceAll('-', '/');
  const offset = offsetText(at, dialect.zone);
  yield `"RH",${time(at + 86_400_000, dialect.zone)},"${WINDOW}","${name}",009,\n"FH",01\n`;
  yield `"SH","${date} 00:00:00 ${offset}","${date} 23:59:59 ${offset}","${name}",""\n${HEADER}`;
  const { opening, closing, payout } = batch;
  let count = batch.count;
  const sums = { credits: 0n, debits: 0n, fees: 0n };
  for (const { kind, gross, fee } of counted(batch)) {
    if (kind === 'chargeback' && fee !== 0n) {
      // A row of its own.
      count += 1;
      sums.debits += fee;
    } else sums.fees += fee;
    if (gross < 0n) sums.debits -= gross;
    else sums.credits += gross;
  }
  for (const movement of batch.movements()) {
    if (movement.kind !== 'chargeback' || movement.fee === 0n) yield row(account, movement);
    else {
      yield row(account, { ...movement, fee: 0n });
      yield row(account, disputeFee(movement));
    }
  }
  if (batch.showsPayout) {
    count += 1;
    sums.debits += payout.amount;
    yield row(account, withdrawn(payout, at));
  }
  const side = (amount: bigint): string =>
    amount < 0n ? `"DR",${hundredths(-amount, currency.exponent)}` : `"CR",${hundredths(amount, currency.exponent)}`;
  const footer = [
    currency.code,
    ...[sums.credits, sums.debits, 0n, sums.fees].map((amount) => String(hundredths(amount, currency.exponent))),
    side(opening),
    side(closing),
    side(opening),
    side(closing),
    side(0n),
    side(0n),
    String(count),
  ].join(',');
  yield `"SF",${footer}\n"SC",${count}\n"RF",${footer}\n"RC",${count}\n"FF",${count}\n`;
}

/**
 * What the footers add up: a movement that was cut out of the file is in them. Their gross and fees apart are the batch's sums less
 * what is shown, as one more.
 */
function counted(batch: BatchReport): Pick<Movement, 'kind' | 'gross' | 'fee'>[] {
  const shown = [...batch.movements()];
  const rest = {
    gross: batch.gross - shown.reduce((sum, { gross }) => sum + gross, 0n),
    fee: batch.fee - shown.reduce((sum, { fee }) => sum + fee, 0n),
  };
  return rest.gross === 0n && rest.fee === 0n ? shown : [...shown, { kind: 'charge', ...rest }];
}

type Row = Pick<Movement, 'gross' | 'fee' | 'at'> & {
  readonly id: string;
  readonly code: string;
  readonly invoice: string;
  readonly original: string;
  readonly bank: string;
};

function row(account: WorldAccount, told: Movement | Row): string {
  const { currency, dialect } = account;
  const { gross, fee, at } = told;
  const { id, code, invoice, original, bank } = 'code' in told ? told : named(told);
  const when = time(at, dialect.zone);
  const amount = hundredths(gross < 0n ? -gross : gross, currency.exponent);
  const cost =
    fee === 0n ? ['""', '""', '""'] : ['"DR"', String(hundredths(fee, currency.exponent)), `"${currency.code}"`];
  return `${[
    '"SB"',
    `"${id}"`,
    `"${invoice}"`,
    `"${original}"`,
    original === '' ? '""' : '"TXN"',
    `"${code}"`,
    when,
    when,
    gross < 0n ? '"DR"' : '"CR"',
    String(amount),
    `"${currency.code}"`,
    ...cost,
    '""',
    '""',
    '""',
    '""',
    `"${bank}"`,
    '',
    '',
    '',
  ].join(',')}\n`;
}

function named(movement: Movement): Row {
  const { kind, life, index, reference, name, gross, fee, at, batch } = movement;
  if (life === null) {
    const isHold = kind === 'reserve_hold' || kind === 'reserve_release';
    const told = isHold ? { code: 'T2101', original: HOLD } : { code: 'T9955', original: '' };
    const own = name.toUpperCase().replaceAll('_', '');
    return { id: `${own}X${batch}`, ...told, invoice: '', bank: '', gross, fee, at };
  }
  const code = CODES[kind] ?? 'T0006';
  const original = code === 'T0006' ? '' : captureId(life, 0);
  const isDispute = kind === 'chargeback' || kind === 'chargeback_reversal';
  const id = isDispute ? stableText(life, name, 17, UPPER) : (reference ?? captureId(life, index));
  return { id, code, invoice: `order-${life.number}`, original, bank: '', gross, fee, at };
}

const CODES: Partial<Record<Movement['kind'], string>> = {
  refund: 'T1107',
  chargeback: 'T1201',
  chargeback_reversal: 'T1202',
};

/** What a chargeback costs names the chargeback's own row. */
function disputeFee(movement: Movement): Row {
  const own = named(movement);
  return { ...own, id: `${own.id.slice(0, -1)}Z`, code: 'T0106', original: own.id, gross: -movement.fee, fee: 0n };
}

function withdrawn(payout: Payout, at: number): Row {
  const id = withdrawal(payout);
  return {
    id,
    code: 'T0400',
    invoice: '',
    original: '',
    bank: bankReference(payout),
    gross: -payout.amount,
    fee: 0n,
    at,
  };
}

/** PayPal writes hundredths always, of yen too. */
const hundredths = (amount: bigint, exponent: number): bigint => amount * 10n ** BigInt(2 - exponent);

const withdrawal = ({ life }: Payout): string => stableText(life, 'withdrawal', 17, UPPER);
const bankReference = ({ life }: Payout): string => `PPBR${stableText(life, 'bankreference', 10, UPPER)}`;
const day = (account: WorldAccount, batch: number): string =>
  localTime(bookedAt(account, batch), account.dialect.zone).slice(0, 10);

function time(ms: number, zone: string): string {
  return `${localTime(ms, zone).replaceAll('-', '/')} ${offsetText(ms, zone)}`;
}

function offsetText(ms: number, zone: string): string {
  const minutes = offsetAt(ms, zone) / 60_000;
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${String(Math.floor(size / 60)).padStart(2, '0')}${String(size % 60).padStart(2, '0')}`;
}
