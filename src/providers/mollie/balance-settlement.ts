import { negated, rounded, sum } from '../../decimal-amount.ts';
import { isObject, type Json, type JsonObject, textAt } from '../../exact-json.ts';
import type { JsonRecord } from '../../json-records.ts';
import { createZonedClock } from '../../local-time.ts';
import type { MovementLine, SettlementLine } from '../../settlement-line.ts';
import { type BalancePeriod, balancePeriod } from '../balance-period.ts';
import {
  contradiction,
  fieldFault,
  idAt,
  type JsonReading,
  readJsonReport,
  requiredId,
  requiredTime,
} from '../json-report.ts';
import { costLine, lineBase, withCostsApart } from '../report-lines.ts';
import { leftOver } from '../report-sums.ts';
import type { ReportContext, ReportItem, SettlementFormat } from '../settlement-format.ts';
import { exactMoneyAt, requiredMoneyAt, wholeMinor, ZONE } from './settlement-money.ts';

/**
 * The movements of one balance, page after page, and before them the balance report of the same days, whose opening and closing
 * prove them. Without the report they belong to their months.
 */
export const balanceTransactions: SettlementFormat = {
  name: 'balance_transactions',
  title: 'Balance transactions, with their balance report',
  role: ({ settlement_mode: mode }) => (mode === 'balance' ? 'money' : 'control'),
  mode: 'balance',
  proof: "The balance report's opening, available and pending, and the transactions come to its closing.",
  documentation: [
    'https://docs.mollie.com/reference/list-balance-transactions',
    'https://docs.mollie.com/reference/get-balance-report',
  ],
  recognises: (head) => /"balance_transactions"\s*:\s*\[|"resource"\s*:\s*"balance-report"/.test(head),
  read: (source, context) => readJsonReport(source, ['_embedded.balance_transactions'], reading(context)),
};

type Period = BalancePeriod & { readonly from: string; readonly until: string };

function reading({ mode }: ReportContext): JsonReading {
  const clock = createZonedClock(ZONE);
  const dayAt = (at: number): string => new Date(at + clock.offsetAt(at)).toISOString().slice(0, 10);
  let period: Period | null = null;
  let seen = false;
  let further: number | null = null;

  return {
    record(record) {
      seen = true;
      return transactionItems(record, (at) => {
        const day = dayAt(at);
        if (period === null) return day.slice(0, 7);
        if (day < period.from || day > period.until)
          throw fieldFault('createdAt', day, `is outside the balance report's ${period.from} to ${period.until}`);
        return period.name;
      });
    },
    document({ value, number, places }) {
      if (places.length > 0) further = textAt(value, '_links', 'next', 'href') === undefined ? null : number;
      else if (isObject(value) && textAt(value, 'resource') === 'balance-report') {
        if (seen) throw fieldFault('balance-report', undefined, 'must stand before the transactions it is of');
        period = periodOf(value);
        return reportItems(value, period, mode === 'balance');
      }
      return [];
    },
    end() {
      if (further === null) return [];
      const reason = 'the last page names another that is not in the file: fetch the list to its last page';
      return [contradiction({ row: further, field: '_links.next', value: null, reason })];
    },
  };
}

function periodOf(report: JsonObject): Period {
  const [from = '', until = ''] = [textAt(report, 'from'), textAt(report, 'until')];
  const period = balancePeriod(from, until);
  if (period === null) throw fieldFault('until', until, 'and from must be days');
  if ((textAt(report, 'timeZone') ?? ZONE) !== ZONE)
    throw fieldFault('timeZone', textAt(report, 'timeZone'), `is not ${ZONE}`);
  return { ...period, from, until };
}

const DAY_MS = 86_400_000;

/** What was there is available or pending: the transactions do not tell when they go from the one to the other. */
function reportItems(report: JsonObject, period: Period, isMode: boolean): ReportItem[] {
  const clock = createZonedClock(ZONE);
  const [opening, closing] = (['open', 'close'] as const).map((name) => {
    const parts = (['available', 'pending'] as const).flatMap(
      (part) => exactMoneyAt(report, 'totals', name, part, 'amount') ?? [],
    );
    const [first] = parts;
    if (first === undefined) throw fieldFault(`totals.${name}`, undefined, 'is missing');
    if (parts.some(({ currency }) => currency !== first.currency))
      throw fieldFault(`totals.${name}`, undefined, 'is in two currencies');
    return { amount: wholeMinor(sum(...parts.map(({ exact }) => exact))), currency: first.currency };
  });
  if (opening === undefined || closing === undefined) return [];
  if (opening.currency !== closing.currency) throw fieldFault('totals', undefined, 'open and close in two currencies');
  const from = clock.toUnix(Date.parse(`${period.from}T00:00:00Z`));
  const to = clock.toUnix(Date.parse(`${period.until}T00:00:00Z`) + DAY_MS) - 1;
  const { name: batch, before, after } = period;
  const { currency } = opening;
  const stated: ReportItem = {
    type: 'batch',
    batch,
    currency,
    opening: opening.amount,
    closing: closing.amount,
    from,
    to,
  };
  if (!isMode) return [stated];
  return [
    stated,
    { type: 'settlement.opening', batch, neighbour: before, amount: opening.amount, currency, at: from, zone: ZONE },
    { type: 'settlement.closing', batch, neighbour: after, amount: closing.amount, currency, at: to, zone: ZONE },
  ];
}

const MOVEMENTS: Readonly<Record<string, { readonly kind: MovementLine['kind']; readonly ids: readonly string[] }>> = {
  payment: { kind: 'charge', ids: ['paymentId'] },
  'split-payment': { kind: 'charge', ids: ['paymentId'] },
  capture: { kind: 'charge', ids: ['paymentId'] },
  'failed-payment': { kind: 'charge', ids: ['paymentId'] },
  // A direct debit that the payer's bank took back.
  'unauthorized-direct-debit': { kind: 'chargeback', ids: ['chargebackId', 'paymentId'] },
  refund: { kind: 'refund', ids: ['refundId'] },
  'returned-refund': { kind: 'refund_reversal', ids: ['refundId'] },
  'platform-payment-refund': { kind: 'refund', ids: ['refundId'] },
  chargeback: { kind: 'chargeback', ids: ['chargebackId'] },
  'chargeback-reversal': { kind: 'chargeback_reversal', ids: ['chargebackId'] },
  'platform-payment-chargeback': { kind: 'chargeback', ids: ['chargebackId'] },
};

function transactionItems(
  { value: told, raw, number: row }: JsonRecord,
  batchAt: (at: number) => string,
): ReportItem[] {
  const result = requiredMoneyAt(told, 'resultAmount');
  const initial = exactMoneyAt(told, 'initialAmount') ?? result;
  const deductions = exactMoneyAt(told, 'deductions') ?? { exact: { units: 0n, scale: 0 }, currency: result.currency };
  const { currency } = result;
  if (initial.currency !== currency || deductions.currency !== currency)
    throw fieldFault('resultAmount', currency, 'is in another currency than initialAmount or deductions');
  const apart = sum(result.exact, negated(initial.exact), negated(deductions.exact));
  if (apart.units !== 0n)
    throw fieldFault('resultAmount', textAt(told, 'resultAmount', 'value'), 'is not initialAmount + deductions');
  const at = requiredTime(told, 'createdAt');
  const word = textAt(told, 'type') ?? 'unknown';
  const parts = {
    identity: requiredId(told, 'id'),
    batch: batchAt(at),
    currency,
    gross: wholeMinor(initial.exact),
    fee: rounded(negated(deductions.exact), 0).minor,
    tax: 0n,
    at,
    zone: ZONE,
    word,
  };
  const lines = linesOf(parts, told);
  const residue = leftOver(
    result.exact,
    lines.reduce((net, line) => net + line.net, 0n),
  );
  const [payment, refund] = [idAt(told, 'context', 'paymentId'), idAt(told, 'context', 'refundId')];
  const keys = { ...(refund === undefined ? {} : { source: refund }), ...(payment === undefined ? {} : { payment }) };
  return lines.map((line, n) => ({
    type: 'line',
    row,
    raw,
    line,
    keys,
    ...(residue === undefined || n > 0 ? {} : { residue }),
  }));
}

function linesOf(parts: Parameters<typeof lineBase>[0], told: Json): readonly SettlementLine[] {
  const { word, identity } = parts;
  const base = lineBase(parts);
  const movement = Object.hasOwn(MOVEMENTS, word) ? MOVEMENTS[word] : undefined;
  if (movement !== undefined) {
    const reference = movement.ids.map((name) => idAt(told, 'context', name)).find((id) => id !== undefined);
    // Without it nothing could ever settle it: suspense shows it.
    return [reference === undefined ? { ...base, kind: 'adjustment' } : { ...base, kind: movement.kind, reference }];
  }
  const payout = idAt(told, 'context', 'settlementId') ?? idAt(told, 'context', 'transferId') ?? identity;
  switch (word) {
    case 'outgoing-transfer':
      return [{ ...base, kind: 'payout', payout }];
    case 'canceled-outgoing-transfer':
    case 'returned-transfer':
      return withCostsApart({ ...base, kind: 'payout_reversal', payout });
    case 'application-fee':
      return [{ ...base, kind: 'platform_fee', reference: identity }];
    // Costs are rounded once a month: what the lines gave too much or too little comes back.
    case 'invoice-compensation':
      return [costLine('fee', parts)];
    case 'balance-correction':
      return [{ ...base, kind: 'adjustment' }];
    default:
      return [{ ...base, kind: 'other' }];
  }
}
