import { currencyExponent } from '../../currency.ts';
import { exactMinor } from '../../decimal-amount.ts';
import { at, type Json, textAt } from '../../exact-json.ts';
import type { JsonRecord } from '../../json-records.ts';
import { withoutMembers } from '../../json-redaction.ts';
import { memberSlice } from '../../json-slices.ts';
import { isoTime } from '../iso-time.ts';
import {
  contradiction,
  fieldFault,
  idAt,
  type JsonReading,
  merchantReference,
  readJsonReport,
} from '../json-report.ts';
import { createDays } from '../report-day.ts';
import { hasPeriodHead, periodAt, type ReportDay } from '../report-period.ts';
import type { ReportContext, ReportItem, SettlementFormat } from '../settlement-format.ts';
import { dayBatch } from './report-time.ts';
import { transactionLines } from './transaction-lines.ts';
import { hundredthsOf, MOVED, type TransactionRow } from './transaction-row.ts';

/**
 * What PayPal's search of transactions answers, page after page: the rows of the transaction detail report, under the same
 * identities. Only `transaction_info` is read of each; what else may be asked for tells of people.
 */
export const transactionSearch: SettlementFormat = {
  name: 'transaction_search',
  title: 'Transaction search (API)',
  role: () => 'control',
  mode: 'balance',
  proof: 'The last page is the last of all. It states no closing.',
  documentation: [
    'https://developer.paypal.com/docs/api/transaction-search/v1/',
    'https://developer.paypal.com/docs/reports/reference/tcodes/',
  ],
  recognises: (head) => hasPeriodHead(head) || /"transaction_details"\s*:\s*\[/.test(head),
  read: (source, context) => readJsonReport(source, ['transaction_details'], reading(context)),
};

function reading({ zone }: ReportContext): JsonReading {
  const dayOf = createDays(zone);
  let period: ReportDay | null = null;
  let further: number | null = null;
  return {
    record(record) {
      const row = rowOf(record);
      if (!MOVED.has(row.status)) return [];
      const section =
        period === null
          ? { batch: dayBatch(dayOf(row.at), zone), zone }
          : { batch: dayBatch(period.day, period.zone), zone: period.zone };
      return linesOf(row, section, record.raw);
    },
    document({ value, number, places }) {
      if (places.length > 0) further = isLast(value) ? null : number;
      else {
        if (period !== null) throw fieldFault('period', undefined, 'stands twice: hand each day in by itself');
        period = periodAt(value);
      }
      return [];
    },
    end() {
      if (further === null) return [];
      const reason = 'there are more pages than the file holds: fetch them all';
      return [contradiction({ row: further, field: 'total_pages', value: null, reason })];
    },
  };
}

/** The first page is 1; there are none where nothing was found. */
function isLast(page: Json): boolean {
  const [n, pages] = ['page', 'total_pages'].map((name) => textAt(page, name));
  if (n === undefined || pages === undefined || !COUNT.test(n) || !COUNT.test(pages))
    throw fieldFault('total_pages', pages, 'and page must be numbers');
  return Number(n) >= Number(pages);
}

const COUNT = /^\d{1,9}$/;

function linesOf(row: TransactionRow, section: { batch: string; zone: string }, raw: string): readonly ReportItem[] {
  const info = memberSlice(Buffer.from(raw), 'transaction_info')?.toString() ?? '';
  const lines = transactionLines(row, section, withoutMembers(info, PERSONAL));
  return 'type' in lines ? [lines] : lines;
}

/** Of whoever paid or was paid. */
const PERSONAL: ReadonlySet<string> = new Set(['paypal_account_id', 'transaction_subject', 'transaction_note']);

function rowOf({ value, number: row }: JsonRecord): TransactionRow {
  const info = at(value, 'transaction_info');
  if (info === undefined) throw fieldFault('transaction_info', undefined, 'is missing');
  const gross = moneyAt(info, 'transaction_amount');
  if (gross === null) throw fieldFault('transaction_amount', undefined, 'is missing');
  const fee = moneyAt(info, 'fee_amount') ?? { minor: 0n, hundredths: 0n, currency: gross.currency };
  const [begun, updated] = ['transaction_initiation_date', 'transaction_updated_date'].map((name) =>
    timeAt(info, name),
  );
  const booked = updated ?? begun;
  if (booked === undefined) throw fieldFault('transaction_updated_date', undefined, 'is missing');
  return {
    type: 'row',
    row,
    transaction: idAt(info, 'transaction_id') ?? '',
    reference: idAt(info, 'paypal_reference_id') ?? '',
    referenceType: (textAt(info, 'paypal_reference_id_type') ?? '').toUpperCase(),
    code: (textAt(info, 'transaction_event_code') ?? '').toUpperCase(),
    isCredit: gross.minor >= 0n,
    amount: gross.hundredths,
    currency: gross.currency,
    // A fee that is taken is written below zero.
    feeIsCredit: fee.minor > 0n,
    fee: fee.hundredths,
    feeCurrency: fee.currency,
    status: (textAt(info, 'transaction_status') ?? '').toUpperCase(),
    at: booked,
    begun: begun ?? null,
    invoice: merchantReference(info, 'invoice_id') ?? '',
    custom: merchantReference(info, 'custom_field') ?? '',
    bank: merchantReference(info, 'bank_reference_id') ?? '',
  };
}

function moneyAt(info: Json, name: string) {
  const told = at(info, name);
  if (told === undefined || told === null) return null;
  const [currency = '', value = ''] = [textAt(told, 'currency_code'), textAt(told, 'value')];
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    throw fieldFault(`${name}.currency_code`, currency, 'must be an ISO 4217 currency with known decimals');
  const minor = exactMinor(value, exponent);
  if (minor === null) throw fieldFault(`${name}.value`, value, `must be an amount in ${currency}, such as -12.34`);
  return { minor, hundredths: hundredthsOf(minor, exponent), currency };
}

function timeAt(info: Json, name: string): number | undefined {
  const text = textAt(info, name);
  const time = isoTime(text);
  if (text !== undefined && time === undefined) throw fieldFault(name, text, 'must be a time');
  return time;
}
