import type { CsvBlock } from '../../csv-rows.ts';
import { exactMinor, smallMinor } from '../../decimal-amount.ts';
import type { Columns } from '../../header-columns.ts';
import { UNBATCHED } from '../../settlement-line.ts';
import { createRawOfBlock } from '../raw-row.ts';
import {
  type CellFault,
  createCurrencyReader,
  decimalOrZero,
  money,
  NOT_CURRENCY,
  NOT_DECIMAL,
  type SplitAmount,
  splitAmount,
  unreadableCell,
} from '../report-amount.ts';
import { createReportClock } from '../report-clock.ts';
import { createDays } from '../report-day.ts';
import type { LineKeys, ReportContext, ReportFault, ReportItem, ReportLine } from '../settlement-format.ts';
import { type CategoryRule, categoryRule } from './settlement-kinds.ts';
import { type StripeMovement, stripeLines } from './settlement-line.ts';

/**
 * Columns of Stripe's itemised reports; which are in a file is chosen when it is run, and each time may have a twin in UTC.
 * docs.stripe.com/reports/report-types/payout-reconciliation, /reports/report-types/balance
 */
export const STRIPE_COLUMNS = {
  id: ['balance_transaction_id'],
  created: ['created', 'created_utc', 'effective_at', 'effective_at_utc'],
  createdUtc: ['created_utc', 'effective_at_utc', null],
  available: ['available_on', 'available_on_utc', 'payout_expected_arrival_date', null],
  availableUtc: ['available_on_utc', null],
  chargeCreated: ['charge_created', null],
  chargeCreatedUtc: ['charge_created_utc', null],
  currency: ['currency'],
  gross: ['gross'],
  fee: ['fee'],
  net: ['net'],
  category: ['reporting_category'],
  payout: ['automatic_payout_id', null],
  source: ['source_id', 'payout_id', null],
  charge: ['charge_id', null],
  intent: ['payment_intent_id', null],
  facingAmount: ['customer_facing_amount', null],
  facingCurrency: ['customer_facing_currency', null],
  method: ['payment_method_type', null],
  order: ['payment_metadata[order_id]', 'order_id', 'invoice_number', 'invoice_id', null],
  trace: ['trace_id', null],
} as const;

export type StripeColumns = Columns<typeof STRIPE_COLUMNS>;

const PERSONAL =
  /^(customer_(name|email|phone|description|address_.*|shipping_.*)|(shipping|card|billing)_(address_.*|name|phone))$/i;
/** What webhooks tell in the payer's currency. A dispute moves, and is told, in the balance's. */
const PAYER_KINDS = new Set(['charge', 'refund', 'refund_reversal']);

/** Reads rows of one file one after the other: lines, and faults where they cannot be read or contradict themselves. */
export function createStripeRows(
  at: StripeColumns,
  header: readonly string[],
  context: ReportContext,
): (block: CsvBlock, n: number, items: ReportItem[]) => ReportLine | null {
  const clock = createReportClock(context.zone);
  const utc = createReportClock('UTC');
  const dayOf = createDays(context.zone);
  const currencyOf = createCurrencyReader();
  const rawOf = createRawOfBlock(header, (name) => PERSONAL.test(name));
  const byPeriod = context.mode === 'balance';
  const lacksFacingCurrency = at.facingCurrency < 0 && at.facingAmount >= 0;
  const hasAvailable = at.available >= 0 || at.availableUtc >= 0;
  const hasOccurred = at.chargeCreated >= 0 || at.chargeCreatedUtc >= 0;

  let lastCategory = '';
  let lastRule = categoryRule('');

  function time(block: CsvBlock, n: number, plain: number, inUtc: number) {
    return inUtc >= 0 ? utc.read(block.cell(n, inUtc)) : clock.read(block.cell(n, plain));
  }

  function refuse(block: CsvBlock, n: number, column: number, reason: string): ReportFault {
    return unreadableCell(block.line(n), { field: header[column] ?? '', value: block.cell(n, column), reason });
  }

  function movementOf(block: CsvBlock, n: number): Read | ReportFault {
    const id = block.cell(n, at.id);
    if (id === '') return refuse(block, n, at.id, 'must be the id of a balance transaction');
    const currencyText = block.cell(n, at.currency);
    const currency = currencyOf(currencyText);
    if (currency === null) return refuse(block, n, at.currency, NOT_CURRENCY);
    const amount = amountOf(block, n, at, header, currency);
    if ('field' in amount) return unreadableCell(block.line(n), amount);
    const created = time(block, n, at.created, at.createdUtc);
    if (created.kind === 'fault')
      return refuse(block, n, at.createdUtc >= 0 ? at.createdUtc : at.created, created.reason);
    const category = block.cell(n, at.category);
    // Comparing with the row before is quicker than hashing.
    if (category !== lastCategory) {
      lastRule = categoryRule(category);
      lastCategory = category;
    }
    const facing = block.cell(n, at.facingCurrency);
    const payer =
      (facing === '' && !lacksFacingCurrency) || facing === currencyText || !PAYER_KINDS.has(lastRule.kind)
        ? undefined
        : payerOf(block, n, at, header, currency, amount.gross);
    if (payer !== undefined && 'field' in payer) return unreadableCell(block.line(n), payer);
    const source = block.cell(n, at.source);
    const batch = byPeriod
      ? dayOf(created.at)
      : block.cell(n, at.payout) || (category.startsWith('payout') ? source : '') || UNBATCHED;
    const movement: StripeMovement = {
      id,
      category,
      source,
      charge: block.cell(n, at.charge),
      batch,
      currency: currency.code,
      gross: amount.gross,
      fee: amount.fee,
      net: amount.net,
      at: created.at,
      zone: context.zone,
      payer,
    };
    return { type: 'movement', movement, rule: lastRule, amount };
  }

  function keysOf(block: CsvBlock, n: number, { id, source, charge }: StripeMovement): LineKeys {
    const keys: Draft<LineKeys> = { source: source === '' ? id : source };
    const payment = charge === '' ? block.cell(n, at.intent) : charge;
    const merchant = block.cell(n, at.order);
    const bank = block.cell(n, at.trace);
    if (payment !== '') keys.payment = payment;
    if (merchant !== '') keys.merchant = merchant;
    if (bank !== '') keys.bank = bank;
    return keys;
  }

  /** Appends what the row says to `items`; the line itself, or null where it cannot be read. */
  return (block, n, items) => {
    const read = movementOf(block, n);
    if (read.type === 'fault') {
      items.push(read);
      return null;
    }
    const { movement, rule, amount } = read;
    const row = block.line(n);
    if (amount.stated !== undefined)
      items.push(netFault(row, movement.batch, amount, amount.stated, movement.currency));
    const available = hasAvailable ? time(block, n, at.available, at.availableUtc) : null;
    const occurred = hasOccurred ? time(block, n, at.chargeCreated, at.chargeCreatedUtc) : null;
    const method = block.cell(n, at.method);
    const raw = rawOf(block, n);
    const keys = keysOf(block, n, movement);
    let first: ReportLine | null = null;
    for (const line of stripeLines(movement, rule)) {
      const item: Draft<ReportLine> = { type: 'line', row, raw, line, keys };
      if (occurred?.kind === 'time') item.occurredAt = occurred.at;
      if (available?.kind === 'time') item.availableAt = available.at;
      if (amount.residue !== undefined) item.residue = amount.residue;
      if (method !== '') item.paymentMethod = method;
      first ??= item;
      items.push(item);
    }
    return first;
  };
}

/** While it is put together: a property that is not there is never set, which is quicker than spreading what may be nothing. */
type Draft<T> = { -readonly [K in keyof T]: T[K] };

type Read = {
  readonly type: 'movement';
  readonly movement: StripeMovement;
  readonly rule: CategoryRule;
  readonly amount: RowAmount;
};

type Currency = { readonly code: string; readonly exponent: number };
/** `stated`: the report's own net, where it is not gross − fee. */
type RowAmount = SplitAmount & { readonly stated?: { readonly gross: bigint } };

/**
 * What moved the balance is net. Where gross − fee is not that, the row contradicts itself, and gross is taken for what is to
 * be explained.
 */
function amountOf(
  block: CsvBlock,
  n: number,
  at: StripeColumns,
  header: readonly string[],
  { exponent }: Currency,
): RowAmount | CellFault {
  const gross = smallMinor(block.cell(n, at.gross), exponent);
  const fee = smallMinor(block.cell(n, at.fee), exponent);
  const net = smallMinor(block.cell(n, at.net), exponent);
  if (gross !== null && fee !== null && net !== null && gross - fee === net)
    return { gross: BigInt(gross), fee: fee === 0 ? 0n : BigInt(fee), net: BigInt(net), residue: undefined };
  const exact = [at.gross, at.fee, at.net].map((column) => decimalOrZero(block.cell(n, column)));
  const [g, f, exactNet] = exact;
  if (g == null || f == null || exactNet == null || block.cell(n, at.net) === '') {
    const wrong = g == null ? at.gross : f == null ? at.fee : at.net;
    return { field: header[wrong] ?? '', value: block.cell(n, wrong), reason: NOT_DECIMAL };
  }
  const split = splitAmount(g, f, exponent);
  const own = splitAmount(exactNet, { units: 0n, scale: 0 }, exponent);
  if (split === null || own === null)
    return { field: header[at.gross] ?? '', value: block.cell(n, at.gross), reason: 'is too large to be kept' };
  // Digits below the minor unit may round to a net one off: what was left over says so.
  const difference = own.net - split.net;
  if (
    difference === 0n ||
    ((split.residue !== undefined || own.residue !== undefined) && difference >= -1n && difference <= 1n)
  )
    return split;
  return { ...own, gross: own.net + split.fee, fee: split.fee, stated: { gross: split.gross } };
}

function netFault(
  row: number,
  batch: string,
  { fee, net }: SplitAmount,
  { gross }: { readonly gross: bigint },
  currency: string,
): ReportFault {
  return {
    type: 'fault',
    kind: 'contradiction',
    row,
    field: 'net',
    value: money(net, currency),
    reason: `net is not gross ${money(gross, currency)} − fee ${money(fee, currency)}`,
    batch,
    expected: money(gross - fee, currency),
    found: money(net, currency),
    difference: { amount: net - (gross - fee), currency },
  };
}

/**
 * What was paid in another currency; undefined where it was the same. The amount without its currency tells only that there was
 * another, where it is not gross: then the column that is missing is named.
 */
function payerOf(
  block: CsvBlock,
  n: number,
  at: StripeColumns,
  header: readonly string[],
  settled: Currency,
  gross: bigint,
): { readonly amount: bigint; readonly currency: string } | CellFault | undefined {
  const value = block.cell(n, at.facingAmount);
  if (at.facingCurrency < 0) {
    const same = value === '' || exactMinor(value, settled.exponent) === gross;
    const reason = `The column ${FACING_CURRENCY} is missing: the payer paid in another currency than ${settled.code}`;
    return same ? undefined : { field: FACING_CURRENCY, value, reason };
  }
  const text = block.cell(n, at.facingCurrency);
  const paid = createCurrencyReader()(text);
  if (paid === null) return { field: header[at.facingCurrency] ?? '', value: text, reason: NOT_CURRENCY };
  if (paid.code === settled.code) return undefined;
  const field = header[at.facingAmount] ?? 'customer_facing_amount';
  const minor = exactMinor(value, paid.exponent);
  if (minor === null) return { field, value, reason: `must be what the payer paid in ${paid.code}, such as 12.34` };
  return { amount: minor < 0n === gross < 0n ? minor : -minor, currency: paid.code };
}

const FACING_CURRENCY = 'customer_facing_currency';
