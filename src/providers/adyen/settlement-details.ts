import { type CsvBlock, detached } from '../../csv-rows.ts';
import { type Columns, hasColumns, headerCells } from '../../header-columns.ts';
import type { SettlementLine } from '../../settlement-line.ts';
import { joinedIdentity } from '../line-identity.ts';
import { createRawOfBlock } from '../raw-row.ts';
import { createOwnRows, firstAccount, type OwnRows } from '../report-accounts.ts';
import { createCurrencyReader, money, NOT_CURRENCY, unreadableCell } from '../report-amount.ts';
import { createReportClock, type ReportTime } from '../report-clock.ts';
import { BATCHES_MAX, reportBlocks, TOO_MANY_BATCHES } from '../report-rows.ts';
import type {
  LineKeys,
  ReportContext,
  ReportFault,
  ReportItem,
  ReportLine,
  SettlementFormat,
  StatedBatch,
} from '../settlement-format.ts';
import { type Contradiction, type RowAmounts, rowAmounts } from './settlement-amounts.ts';
import { typeRule } from './settlement-kinds.ts';
import { type AdyenEntry, adyenLine, MERCHANT_ACCOUNT, payoutOf } from './settlement-line.ts';

const DOCUMENT =
  'https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report';

/** What stands for the merchant's word where Adyen captures by itself. */
const AUTOMATIC = '<auto>';

/** Its type in the report: what it is between stands in its note alone. */
const TRANSFER = 'Balancetransfer';

/** Accounts choose and order them, and Adyen adds new ones. */
const COLUMNS = {
  merchantAccount: [MERCHANT_ACCOUNT],
  psp: ['Psp Reference'],
  merchantReference: ['Merchant Reference', null],
  method: ['Payment Method', null],
  created: ['Creation Date'],
  zone: ['TimeZone', null],
  type: ['Type'],
  modification: ['Modification Reference'],
  grossCurrency: ['Gross Currency'],
  grossDebit: ['Gross Debit (GC)'],
  grossCredit: ['Gross Credit (GC)'],
  rate: ['Exchange Rate', null],
  netCurrency: ['Net Currency'],
  netDebit: ['Net Debit (NC)'],
  netCredit: ['Net Credit (NC)'],
  commission: ['Commission (NC)'],
  markup: ['Markup (NC)', null],
  schemeFees: ['Scheme Fees (NC)', null],
  interchange: ['Interchange (NC)', null],
  batch: ['Batch Number'],
  note: ['Modification Merchant Reference', null],
  booked: ['Booking Date', 'Booking Date (AMS)', null],
  bookedZone: ['Booking Date TimeZone', null],
  bookedAms: ['Booking Date (AMS)', null],
} as const;

/** Whatever the merchant puts into the metadata, it is not needed here. */
export const PERSONAL_COLUMNS =
  /^(metadata|shopper (name|e-?mail|reference|ip|pan|phone.*|social.*)|(delivery|billing|shopper) address.*|holder name)$/i;

/** One batch a file, which Adyen pays out or hands on to the next; reports of several batches are fine. */
export const settlementDetails: SettlementFormat = {
  name: 'settlement_details',
  title: 'Settlement details report (CSV)',
  role: () => 'money',
  mode: 'batch',
  proof:
    'credits are debits in each batch, payout and balance transfer among them; gross − fees = net in each row; batch numbers have no gap',
  documentation: [DOCUMENT, 'https://docs.adyen.com/reporting/balance-transfers'],
  recognises: (head) =>
    hasColumns(headerCells(head), [
      'Psp Reference',
      'Modification Reference',
      'Type',
      'Net Debit (NC)',
      'Net Credit (NC)',
      'Batch Number',
    ]),
  accountOf: (head) => firstAccount(head, MERCHANT_ACCOUNT),
  async *read(source, context) {
    const proof = createBatchProof();
    const own = createOwnRows(context.only, MERCHANT_ACCOUNT);
    let readRow: ReturnType<typeof createRows> | undefined;
    for await (const { at, block, rows, faults, header } of reportBlocks(source, COLUMNS)) {
      const items: ReportItem[] = [...faults];
      if (rows.length > 0) readRow ??= createRows(at, header, context, { own, add: proof.add });
      for (const n of rows) readRow?.(block, n, items);
      if (items.length > 0) yield items;
    }
    const said = [...own.end(), ...proof.end()];
    if (said.length > 0) yield said;
  },
};

function createRows(
  at: Columns<typeof COLUMNS>,
  header: readonly string[],
  context: ReportContext,
  {
    own: rows,
    add,
  }: {
    readonly own: OwnRows;
    readonly add: (line: SettlementLine, row: number, merchantAccount: string, number: string) => void;
  },
): (block: CsvBlock, n: number, items: ReportItem[]) => void {
  const clock = createReportClock(context.zone);
  const bookedClock = createReportClock(context.zone);
  const settledCurrency = createCurrencyReader();
  const paidCurrency = createCurrencyReader();
  const rawOf = createRawOfBlock(header, (name) => PERSONAL_COLUMNS.test(name));
  const amountColumns = {
    ...at,
    fees: [at.commission, at.markup, at.schemeFees, at.interchange].filter((column) => column >= 0),
  };
  const inAmsterdam = at.bookedAms >= 0 && at.booked === at.bookedAms;
  let last = { merchantAccount: '', number: '', batch: '' };
  let lastType = '';
  let lastRule = typeRule('');

  function refuse(block: CsvBlock, n: number, column: number, reason: string): ReportFault {
    return unreadableCell(block.line(n), { field: header[column] ?? '', value: block.cell(n, column), reason });
  }

  /** Which batch a row is of; it is that of the row before, nearly always. Null: it is of another account. */
  function batchOf(block: CsvBlock, n: number): typeof last | ReportFault | null {
    const merchantAccount = block.cell(n, at.merchantAccount);
    const number = block.cell(n, at.batch);
    if (number === last.number && merchantAccount === last.merchantAccount) return last;
    if (merchantAccount === '') return refuse(block, n, at.merchantAccount, 'must be a merchant account');
    if (!rows.isOurs(merchantAccount)) return null;
    if (!/^\d{1,9}$/.test(number)) return refuse(block, n, at.batch, 'must be the number of a batch');
    const named = { merchantAccount: detached(merchantAccount), number: detached(number) };
    last = { ...named, batch: `${named.merchantAccount}/${named.number}` };
    return last;
  }

  function bookedAt(block: CsvBlock, n: number, created: ReportTime): ReportTime {
    const text = block.cell(n, at.booked);
    if (text === '') return created;
    const zone = at.bookedZone >= 0 ? at.bookedZone : at.zone;
    return bookedClock.read(text, inAmsterdam ? 'AMS' : block.cell(n, zone));
  }

  function entryOf(block: CsvBlock, n: number): Read | ReportFault | null {
    const where = batchOf(block, n);
    if (where === null || 'type' in where) return where;
    const { merchantAccount, batch } = where;
    const settled = settledCurrency(block.cell(n, at.netCurrency));
    if (settled === null) return refuse(block, n, at.netCurrency, NOT_CURRENCY);
    const grossCurrency = block.cell(n, at.grossCurrency);
    const paid = grossCurrency === '' ? null : paidCurrency(grossCurrency);
    const isPaid = block.cell(n, at.grossCredit) !== '' || block.cell(n, at.grossDebit) !== '';
    if (isPaid && paid === null) return refuse(block, n, at.grossCurrency, NOT_CURRENCY);
    const amounts = rowAmounts(block, n, amountColumns, header, settled, paid);
    if ('field' in amounts) return unreadableCell(block.line(n), amounts);
    const created = clock.read(block.cell(n, at.created), block.cell(n, at.zone));
    if (created.kind === 'fault') return refuse(block, n, at.created, created.reason);
    const booked = bookedAt(block, n, created);
    if (booked.kind === 'fault') return refuse(block, n, at.booked, booked.reason);

    const { gross, fee, net, payer } = amounts;
    const type = block.cell(n, at.type);
    const psp = block.cell(n, at.psp);
    const modification = block.cell(n, at.modification);
    const note = block.cell(n, at.note);
    const merchant = block.cell(n, at.merchantReference);
    // What another selection of columns does not change, and of a transfer between which batches it is.
    const own = isPaid ? digits(payer?.amount ?? gross) : '';
    const between = type === TRANSFER ? note : '';
    const fields = `${batch}|${type}|${psp}|${modification}|${between}|${grossCurrency}|${own}|${settled.code}|${digits(net)}`;
    const entry: AdyenEntry = {
      identity: joinedIdentity(fields),
      type,
      merchantAccount,
      batch,
      psp,
      modification,
      note,
      currency: settled.code,
      gross,
      fee,
      net,
      at: booked.at,
      zone: booked.zone,
      payer,
    };
    return { type: 'entry', entry, amounts, merchant, number: where.number, occurredAt: created.at };
  }

  return (block, n, items) => {
    const read = entryOf(block, n);
    if (read === null) return;
    if (read.type === 'fault') {
      items.push(read);
      return;
    }
    const { entry, amounts, merchant, number } = read;
    const row = block.line(n);
    // Comparing with the row before is quicker than hashing.
    if (entry.type !== lastType) {
      lastRule = typeRule(entry.type);
      lastType = entry.type;
    }
    const line = adyenLine(entry, lastRule);
    add(line, row, entry.merchantAccount, number);
    if (amounts.contradiction !== undefined) items.push(contradictionOf(row, entry, amounts.contradiction));
    const keys: Draft<LineKeys> = {};
    // What a capture made by itself is called stands in this report alone.
    if (entry.modification !== '' && entry.note !== AUTOMATIC) keys.source = entry.modification;
    if (entry.psp !== '') keys.payment = entry.psp;
    if (merchant !== '') keys.merchant = merchant;
    const bank = line.kind === 'payout' ? payoutOf(entry) : undefined;
    if (bank !== undefined) keys.bank = bank;
    const item: Draft<ReportLine> = { type: 'line', row, raw: rawOf(block, n), line, keys };
    item.occurredAt = read.occurredAt;
    const method = block.cell(n, at.method);
    const rate = block.cell(n, at.rate);
    if (amounts.residue !== undefined) item.residue = amounts.residue;
    if (amounts.payer !== undefined && rate !== '') item.fxRate = rate;
    if (method !== '') item.paymentMethod = method;
    items.push(item);
  };
}

/** As `String(amount)`, in a third of its time for what fits a JS number. */
function digits(amount: bigint): string {
  const small = Number(amount);
  return Number.isSafeInteger(small) ? String(small) : String(amount);
}

/** While it is put together: a property that is not there is never set, which is quicker than spreading what may be nothing. */
type Draft<T> = { -readonly [K in keyof T]: T[K] };

type Read = {
  readonly type: 'entry';
  readonly entry: AdyenEntry;
  readonly amounts: RowAmounts;
  readonly merchant: string;
  readonly number: string;
  readonly occurredAt: number;
};

function contradictionOf(row: number, { batch, net, currency }: AdyenEntry, told: Contradiction): ReportFault {
  const value = money(net, currency);
  return { type: 'fault', kind: 'contradiction', row, field: 'Net (NC)', value, batch, ...told };
}

type Sum = {
  readonly batch: string;
  readonly merchantAccount: string;
  readonly number: string;
  readonly currency: string;
  in: bigint;
  out: bigint;
  /** Where what closes it stands: its payout or its transfer to the next batch. */
  row: number | null;
};

/** In each batch and currency what came in is what went out: Adyen closes it with a payout, or hands the rest on. */
function createBatchProof() {
  const sums = new Map<string, Sum>();
  let last: Sum | undefined;
  let isTooMany = false;
  return {
    add(line: SettlementLine, row: number, merchantAccount: string, number: string): void {
      const { batch, currency, net, kind } = line;
      if (last === undefined || last.batch !== batch || last.currency !== currency) {
        const key = `${currency} ${batch}`;
        last = sums.get(key);
        if (last === undefined) {
          if (sums.size >= BATCHES_MAX) {
            isTooMany = true;
            return;
          }
          last = { batch, merchantAccount, number, currency, in: 0n, out: 0n, row: null };
          sums.set(key, last);
        }
      }
      if (net > 0n) last.in += net;
      else last.out -= net;
      if (kind === 'payout' || kind === 'carry_forward') last.row = row;
    },
    end(): ReportItem[] {
      if (isTooMany) return [TOO_MANY_BATCHES];
      return [...sums.values()].flatMap((sum) => [stated(sum), ...unclosed(sum)]);
    },
  };
}

function stated({ batch, currency, merchantAccount, number, ...sum }: Sum): StatedBatch {
  return {
    type: 'batch',
    batch,
    currency,
    sequence: { kind: 'number', series: merchantAccount, value: Number(number) },
    // Its payout or transfer closes it: so the file has it whole, and what an earlier one had besides is gone.
    ...(sum.in === sum.out ? { opening: 0n, closing: 0n } : {}),
  };
}

function unclosed(sum: Sum): ReportFault[] {
  const { batch, currency, row } = sum;
  if (sum.in === sum.out) return [];
  const fault: ReportFault = {
    type: 'fault',
    kind: 'contradiction',
    row,
    field: 'Net Debit (NC)',
    value: money(sum.out, currency),
    reason: `credits and debits of the batch ${batch} are not the same: rows are missing, or stand in it twice`,
    batch,
    expected: money(sum.in, currency),
    found: money(sum.out, currency),
    difference: { amount: sum.out - sum.in, currency },
  };
  return [fault];
}
