import { at, isObject, type Json, listAt, textAt } from '../../exact-json.ts';
import type { JsonRecord } from '../../json-records.ts';
import { withoutMembers } from '../../json-redaction.ts';
import type { Money } from '../../money.ts';
import type { SettlementLine } from '../../settlement-line.ts';
import { isoTime } from '../iso-time.ts';
import {
  contradiction,
  fieldFault,
  idAt,
  type JsonReading,
  merchantReference,
  readJsonReport,
  requiredId,
} from '../json-report.ts';
import { lineBase } from '../report-lines.ts';
import type { ReportContext, ReportItem, ReportLine, SettlementFormat } from '../settlement-format.ts';
import { disbursementItems } from './disbursement.ts';
import { moneyOf } from './money.ts';
import { timeOf } from './times.ts';

/**
 * What GraphQL searches of transactions, refunds and disputes answer: their pages as they are, the nodes as a list, or one a line.
 * What a payment brought is in `disbursementDetails`, in the settlement currency; the webhook's disbursement, beside them as
 * `{"disbursement":{…}}`, says what left for the bank. There is no fee of a transaction: Braintree bills by the month.
 */
export const searchedTransactions: SettlementFormat = {
  name: 'transactions',
  title: 'Transactions, refunds and disputes (GraphQL search), with disbursements',
  role: () => 'money',
  mode: 'batch',
  proof: 'The lines of a day and merchant account come to its disbursement, where the file holds that too.',
  documentation: [
    'https://graphql.braintreepayments.com/reference/',
    'https://developer.paypal.com/braintree/docs/reference/response/transaction#disbursement_details',
    'https://developer.paypal.com/braintree/docs/reference/general/webhooks/disbursement',
  ],
  recognises: (head) => /"(?:disbursementDetails|amountDisputed|settlementBatchId|disbursement)"\s*:/.test(head),
  read: (source, context) => readJsonReport(source, ['disbursement', ...SEARCHES], reading(context)),
};

const SEARCHES = ['transactions', 'refunds', 'disputes'].map((name) => `data.search.${name}.edges`);
/** What a record tells of who paid. */
const PERSONAL: ReadonlySet<string> = new Set([
  'customer',
  'customFields',
  'username',
  'venmoUserId',
  'email',
  'payer',
  'cardholderName',
  'billingAddress',
  'shippingAddress',
  'shipping',
]);
const ZONE = 'UTC';

function reading(context: ReportContext): JsonReading {
  const cutShort = new Map<string, number>();
  return {
    record(record) {
      if (record.place === 'disbursement') return disbursementItems(record);
      const node = at(record.value, 'node');
      return recordItems(record, isObject(node) ? node : record.value, context);
    },
    document({ value, raw, number, places }) {
      for (const place of places) {
        if (!SEARCHES.includes(place)) continue;
        const isFurther = at(value, ...place.split('.').slice(0, -1), 'pageInfo', 'hasNextPage') === true;
        if (isFurther) cutShort.set(place, number);
        else cutShort.delete(place);
      }
      if (places.length > 0) return [];
      return recordItems({ kind: 'record', number, place: '', raw, value }, value, context);
    },
    end: () =>
      [...cutShort].map(([place, row]) =>
        contradiction({
          row,
          field: `${place} pageInfo`,
          value: null,
          reason: 'the last page names another that is not in the file: search to the last page',
        }),
      ),
  };
}

function recordItems(record: JsonRecord, told: Json, context: ReportContext): ReportItem[] {
  if (!isObject(told)) throw fieldFault('record', record.raw, 'must be an object');
  const raw = withoutMembers(record.raw, PERSONAL);
  return told.amountDisputed === undefined
    ? transactionItems(record.number, raw, told)
    : disputeItems(record.number, raw, told, context);
}

/** Global ids are `transaction_` and the like in base64; webhooks and the classic API name what is behind. */
function classicId(told: Json | undefined): string {
  const legacy = idAt(told, 'legacyId');
  if (legacy !== undefined) return legacy;
  const id = requiredId(told, 'id');
  const plain = Buffer.from(id, 'base64').toString('latin1');
  return /^(?:transaction|refund|dispute)_([a-z0-9]+)$/.exec(plain)?.[1] ?? id;
}

function transactionItems(row: number, raw: string, told: Json): ReportItem[] {
  const details = at(told, 'disbursementDetails');
  const day = textAt(details, 'date');
  // Not paid out yet, or held back: a later search has it.
  if (day === undefined || at(details, 'fundsHeld') === true) return [];
  const settled = moneyAt(details, 'amount');
  const paid = moneyAt(told, 'amount');
  const id = classicId(told);
  const refunded = at(told, 'refundedTransaction');
  const isRefund = isObject(refunded) || settled.amount < 0n;
  const { amount: gross, currency } = settled;
  const payer =
    paid.currency === currency
      ? undefined
      : { amount: gross < 0n ? -paid.amount : paid.amount, currency: paid.currency };
  // Of one currency both must be the same sum: else the amount is of another capture than what was disbursed.
  if (payer === undefined && magnitude(paid.amount) !== magnitude(gross))
    throw fieldFault('disbursementDetails.amount', String(gross), `is not the transaction's amount ${paid.amount}`);
  const parts = { identity: id, batch: batchOf(requiredId(told, 'merchantAccountId'), day), currency, gross };
  const line: SettlementLine = {
    ...lineBase({ ...parts, fee: 0n, tax: 0n, at: dayTime(day), zone: ZONE, word: isRefund ? 'refund' : 'sale' }),
    kind: isRefund ? 'refund' : 'charge',
    reference: id,
    ...(payer === undefined ? {} : { payer }),
  };
  const rate = textAt(details, 'exchangeRate');
  return [
    {
      ...common(row, raw, line, told, id, isObject(refunded) ? classicId(refunded) : id),
      ...(rate === undefined || payer === undefined ? {} : { fxRate: rate }),
    },
  ];
}

const HISTORY_MAX = 200;

/** The disputed amount is taken with one disbursement and, where it was won, given back with another. */
function disputeItems(row: number, raw: string, told: Json, { account }: ReportContext): ReportItem[] {
  const id = classicId(told);
  const disputed = moneyAt(told, 'amountDisputed');
  const events = listAt(told, 'statusHistory')
    .slice(0, HISTORY_MAX)
    .flatMap((event) => {
      const day = textAt(event, 'disbursementDate');
      return day === undefined ? [] : [{ day, isWon: textAt(event, 'status') === 'WON' }];
    })
    .sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0));
  const taken = events.find(({ isWon }) => !isWon);
  const back = events.find(({ isWon }) => isWon);
  const payment = at(told, 'transaction');
  const merchant = idAt(told, 'merchantAccountId') ?? idAt(payment, 'merchantAccountId') ?? account;
  const line = (what: 'withdrawn' | 'reinstated', day: string, { amount, currency }: Money): ReportLine => {
    const isTaken = what === 'withdrawn';
    const parts = { identity: `${id}/${what}`, batch: batchOf(merchant, day), currency, fee: 0n, tax: 0n };
    const base = lineBase({
      ...parts,
      gross: isTaken ? -amount : amount,
      at: dayTime(day),
      zone: ZONE,
      word: `dispute ${what}`,
    });
    const own: SettlementLine = { ...base, kind: isTaken ? 'chargeback' : 'chargeback_reversal', reference: id };
    return common(row, raw, own, payment, id, payment === undefined ? undefined : classicId(payment));
  };
  const won = moneyOf(textAt(told, 'amountWon', 'value'), textAt(told, 'amountWon', 'currencyCode'));
  return [
    ...(taken === undefined ? [] : [line('withdrawn', taken.day, disputed)]),
    ...(back === undefined
      ? []
      : [line('reinstated', back.day, won !== undefined && won.amount > 0n ? won : disputed)]),
  ];
}

function common(
  row: number,
  raw: string,
  line: SettlementLine,
  told: Json | undefined,
  source: string,
  payment: string | undefined,
): ReportLine {
  const merchant = merchantReference(told, 'orderId');
  const occurredAt = isoTime(textAt(told, 'createdAt'));
  return {
    type: 'line',
    row,
    raw,
    line,
    keys: {
      source,
      ...(payment === undefined ? {} : { payment }),
      ...(merchant === undefined ? {} : { merchant }),
    },
    ...(occurredAt === undefined ? {} : { occurredAt }),
  };
}

/** Each merchant account has one currency, and is paid out once a day. */
function batchOf(merchantAccount: string, day: string): string {
  return `${merchantAccount}/${day}`;
}

function dayTime(day: string): number {
  const time = timeOf(day);
  if (time === undefined) throw fieldFault('disbursementDetails.date', day, 'must be a day');
  return time;
}

function moneyAt(told: Json | undefined, name: string): Money {
  const money = moneyOf(textAt(told, name, 'value'), textAt(told, name, 'currencyCode'));
  if (money === undefined) throw fieldFault(name, undefined, 'has no value or no currency');
  return money;
}

const magnitude = (amount: bigint): bigint => (amount < 0n ? -amount : amount);
