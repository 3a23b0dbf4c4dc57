import { type CsvRow, detached } from '../../csv-rows.ts';
import { type Columns, hasColumns, headerCells } from '../../header-columns.ts';
import type { SettlementLine } from '../../settlement-line.ts';
import { createLineIdentities } from '../line-identity.ts';
import { createRawRow } from '../raw-row.ts';
import { createCurrencyReader, money, NOT_CURRENCY, unreadableCell } from '../report-amount.ts';
import { createReportClock } from '../report-clock.ts';
import { reportRows } from '../report-rows.ts';
import type {
  ReportContext,
  ReportFault,
  ReportItem,
  ReportLine,
  SettlementFormat,
  StatedBatch,
} from '../settlement-format.ts';
import { rowAmounts } from './settlement-amounts.ts';
import { adyenLine, payoutOf } from './settlement-line.ts';

const DOCUMENT =
  'https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report';

/** Accounts choose and order them, and Adyen adds new ones. */
const COLUMNS = {
  merchantAccount: ['Merchant Account'],
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

/** One batch a file, which Adyen pays out or hands on to the next; reports of several batches or merchant accounts are fine. */
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
  async *read(source, context) {
    const proof = createBatchProof();
    let readRow: ReturnType<typeof createRows> | undefined;
    for await (const { at, rows, faults, header } of reportRows(source, COLUMNS)) {
      const items: ReportItem[] = [...faults];
      if (rows.length > 0) readRow ??= createRows(at, header, context, proof.add);
      for (const row of rows) readRow?.(row, items);
      if (items.length > 0) yield items;
    }
    const said = proof.end();
    if (said.length > 0) yield said;
  },
};

function createRows(
  at: Columns<typeof COLUMNS>,
  header: readonly string[],
  context: ReportContext,
  add: (line: SettlementLine, row: number, merchantAccount: string, number: string) => void,
): (row: CsvRow, items: ReportItem[]) => void {
  const clock = createReportClock(context.zone);
  const settledCurrency = createCurrencyReader();
  const paidCurrency = createCurrencyReader();
  const rawOf = createRawRow(header, (name) => PERSONAL_COLUMNS.test(name));
  const identityOf = createLineIdentities();
  const amountColumns = {
    ...at,
    fees: [at.commission, at.markup, at.schemeFees, at.interchange].filter((column) => column >= 0),
  };
  const inAmsterdam = at.bookedAms >= 0 && at.booked === at.bookedAms;
  let last = { merchantAccount: '', number: '', batch: '' };

  return (row, items) => {
    const { cells } = row;
    const cell = (n: number): string => cells[n] ?? '';
    const refuse = (column: number, reason: string): void => {
      items.push(unreadableCell(row.row, { field: header[column] ?? '', value: cell(column), reason }));
    };
    const number = cell(at.batch);
    const merchantAccount = cell(at.merchantAccount);
    if (merchantAccount === '') return refuse(at.merchantAccount, 'must be a merchant account');
    if (number !== last.number || merchantAccount !== last.merchantAccount) {
      if (!/^\d{1,9}$/.test(number)) return refuse(at.batch, 'must be the number of a batch');
      last = {
        merchantAccount: detached(merchantAccount),
        number: detached(number),
        batch: `${merchantAccount}/${number}`,
      };
    }
    const { batch } = last;
    const settled = settledCurrency(cell(at.netCurrency));
    if (settled === null) return refuse(at.netCurrency, NOT_CURRENCY);
    const grossText = cell(at.grossCurrency);
    const paid = grossText === '' ? null : paidCurrency(grossText);
    const isPaid = cell(at.grossCredit) !== '' || cell(at.grossDebit) !== '';
    if (isPaid && paid === null) return refuse(at.grossCurrency, NOT_CURRENCY);
    const amounts = rowAmounts(cells, amountColumns, header, settled, paid);
    if ('field' in amounts) {
      items.push(unreadableCell(row.row, amounts));
      return;
    }
    const created = clock.read(cell(at.created), cell(at.zone));
    if (created.kind === 'fault') return refuse(at.created, created.reason);
    const bookedText = cell(at.booked);
    const booked =
      bookedText === ''
        ? created
        : clock.read(bookedText, inAmsterdam ? 'AMS' : at.bookedZone >= 0 ? cell(at.bookedZone) : cell(at.zone));
    if (booked.kind === 'fault') return refuse(at.booked, booked.reason);

    const { gross, fee, net, payer, residue, contradiction } = amounts;
    const type = cell(at.type);
    const psp = cell(at.psp);
    const modification = cell(at.modification);
    const merchant = cell(at.merchantReference);
    const note = cell(at.note);
    // What another selection of columns does not change.
    const own = isPaid ? (payer?.amount ?? gross) : '';
    const fields = `${batch}|${type}|${psp}|${modification}|${merchant}|${note}|${grossText}|${own}|${settled.code}|${net}`;
    const entry = {
      identity: identityOf(fields),
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
      ...(payer === undefined ? undefined : { payer }),
    };
    const line = adyenLine(entry);
    add(line, row.row, last.merchantAccount, last.number);
    if (contradiction !== undefined) {
      const { reason, expected, found } = contradiction;
      const value = money(net, settled.code);
      items.push({
        type: 'fault',
        kind: 'contradiction',
        row: row.row,
        field: 'Net (NC)',
        value,
        reason,
        batch,
        expected,
        found,
      });
    }
    const method = cell(at.method);
    const rate = cell(at.rate);
    const bank = line.kind === 'payout' ? payoutOf(entry) : undefined;
    const item: ReportLine = {
      type: 'line',
      row: row.row,
      raw: rawOf(row),
      line,
      keys: {
        ...(modification === '' ? undefined : { source: modification }),
        ...(psp === '' ? undefined : { payment: psp }),
        ...(merchant === '' ? undefined : { merchant }),
        ...(bank === undefined ? undefined : { bank }),
      },
      occurredAt: created.at,
      ...(residue === undefined ? undefined : { residue }),
      ...(payer === undefined || rate === '' ? undefined : { fxRate: rate }),
      ...(method === '' ? undefined : { paymentMethod: method }),
    };
    items.push(item);
  };
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
  return {
    add(line: SettlementLine, row: number, merchantAccount: string, number: string): void {
      const { batch, currency, net, kind } = line;
      if (last === undefined || last.batch !== batch || last.currency !== currency) {
        const key = `${currency} ${batch}`;
        last = sums.get(key);
        if (last === undefined) {
          last = { batch, merchantAccount, number, currency, in: 0n, out: 0n, row: null };
          sums.set(key, last);
        }
      }
      if (net > 0n) last.in += net;
      else last.out -= net;
      if (kind === 'payout' || kind === 'carry_forward') last.row = row;
    },
    end(): ReportItem[] {
      return [...sums.values()].flatMap((sum) => [stated(sum), ...unclosed(sum)]);
    },
  };
}

function stated({ batch, currency, merchantAccount, number }: Sum): StatedBatch {
  return {
    type: 'batch',
    batch,
    currency,
    sequence: { kind: 'number', series: merchantAccount, value: Number(number) },
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
  };
  return [fault];
}
