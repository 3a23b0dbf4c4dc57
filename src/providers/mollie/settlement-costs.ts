import { type Decimal, sum } from '../../decimal-amount.ts';
import { at, isObject, type Json, type JsonObject, listAt, textAt } from '../../exact-json.ts';
import { listSlices, memberSlice } from '../../json-slices.ts';
import type { SettlementLine } from '../../settlement-line.ts';
import { fieldFault } from '../json-report.ts';
import { lineBase } from '../report-lines.ts';
import { leftOver } from '../report-sums.ts';
import type { ReportLine } from '../settlement-format.ts';
import { exactMoneyAt, requiredMoneyAt, wholeMinor, ZONE } from './settlement-money.ts';

const MONTHS_MAX = 240;
const ROWS_MAX = 1_000;

type Period = { readonly year: string; readonly month: string; readonly told: JsonObject };

/** `periods.2026.01`: a settlement may hold what belongs to several months. */
function periodsOf(settlement: JsonObject): Period[] {
  const periods: Period[] = [];
  for (const [year, months] of members(at(settlement, 'periods')))
    for (const [month, told] of members(months)) if (isObject(told)) periods.push({ year, month, told });
  if (periods.length > MONTHS_MAX) throw fieldFault('periods', undefined, `tells of over ${MONTHS_MAX} months`);
  return periods;
}

/** An empty object is written as an empty list by some of Mollie's libraries. */
function members(value: Json | undefined): [string, Json | undefined][] {
  return isObject(value) ? Object.entries(value) : [];
}

/** What the settlement says its payments, refunds and the like come to. Only the net amounts have their sign for certain. */
export function revenueOf(settlement: JsonObject, currency: string): Decimal {
  const rows = periodsOf(settlement).flatMap(({ told }) => listAt(told, 'revenue').slice(0, ROWS_MAX));
  return sum(
    ...rows.map((row) => {
      const money = requiredMoneyAt(row, 'amountNet');
      if (money.currency !== currency) throw fieldFault('periods.revenue', money.currency, `is not in ${currency}`);
      return money.exact;
    }),
  );
}

/** What Mollie took, by month and method, with four decimals: a line each, its VAT apart. */
export function costLines(
  settlement: JsonObject,
  raw: string,
  of: { readonly batch: string; readonly currency: string; readonly at: number; readonly row: number },
): ReportLine[] {
  return periodsOf(settlement).flatMap(({ year, month, told }) => {
    const rows = listAt(told, 'costs');
    if (rows.length === 0) return [];
    if (rows.length > ROWS_MAX) throw fieldFault('periods.costs', undefined, `has over ${ROWS_MAX} rows`);
    const slices = costSlices(raw, year, month);
    return rows.map((row, n) => costLine(row, slices[n]?.toString('utf8') ?? '', `${year}-${month}/${n}`, of));
  });
}

function costSlices(raw: string, year: string, month: string): Buffer[] {
  let here: Buffer | undefined = Buffer.from(raw);
  for (const name of ['periods', year, month]) here = here === undefined ? undefined : memberSlice(here, name);
  return here === undefined ? [] : listSlices(here, 'costs');
}

function costLine(
  told: Json,
  raw: string,
  name: string,
  { batch, currency, at: booked, row }: { batch: string; currency: string; at: number; row: number },
): ReportLine {
  const net = requiredMoneyAt(told, 'amountNet');
  const vat = exactMoneyAt(told, 'amountVat');
  if (net.currency !== currency || (vat !== undefined && vat.currency !== currency))
    throw fieldFault('periods.costs', net.currency, `is not in ${currency}`);
  const [fee, tax] = [wholeMinor(net.exact), vat === undefined ? 0n : wholeMinor(vat.exact)];
  const parts = { identity: `${batch}/${name}`, batch, currency, gross: 0n, fee, tax, at: booked, zone: ZONE };
  const line: SettlementLine = { ...lineBase({ ...parts, word: textAt(told, 'description') ?? 'costs' }), kind: 'fee' };
  const exact = sum(net.exact, vat?.exact ?? { units: 0n, scale: 0 });
  const residue = leftOver({ ...exact, units: -exact.units }, line.net);
  const method = textAt(told, 'method');
  return {
    type: 'line',
    row,
    raw,
    line,
    keys: {},
    ...(residue === undefined ? {} : { residue }),
    ...(method === undefined ? {} : { paymentMethod: method }),
  };
}
