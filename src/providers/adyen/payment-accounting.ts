import type { CsvRow } from '../../csv-rows.ts';
import { type Decimal, rounded, sum } from '../../decimal-amount.ts';
import { type Columns, cellAt, hasColumns, headerCells } from '../../header-columns.ts';
import { joinedIdentity } from '../line-identity.ts';
import { createRawRow } from '../raw-row.ts';
import { createOwnRows, firstAccount, type OwnRows } from '../report-accounts.ts';
import { createCurrencyReader, decimalOrZero, NOT_CURRENCY, NOT_DECIMAL, unreadableCell } from '../report-amount.ts';
import { createReportClock } from '../report-clock.ts';
import { reportRows } from '../report-rows.ts';
import type { ReportContext, ReportItem, SettlementFormat } from '../settlement-format.ts';
import { PERSONAL_COLUMNS } from './settlement-details.ts';
import { adyenLine, MERCHANT_ACCOUNT } from './settlement-line.ts';

const COLUMNS = {
  merchantAccount: [MERCHANT_ACCOUNT],
  psp: ['Psp Reference'],
  merchantReference: ['Merchant Reference', null],
  method: ['Payment Method', null],
  booked: ['Booking Date'],
  zone: ['TimeZone', null],
  type: ['Record Type'],
  modification: ['Modification Psp Reference'],
  currency: ['Settlement Currency'],
  payable: ['Payable (SC)'],
  commission: ['Commission (SC)'],
  markup: ['Markup (SC)', null],
  schemeFees: ['Scheme Fees (SC)', null],
  interchange: ['Interchange (SC)', null],
  batch: ['Payable Batch', null],
} as const;

/** With Payable Batch comes the currency once more. */
const TWICE = COLUMNS.currency;

/**
 * A journal of registers, not of money (Received → Authorised → Captured → Payable): payouts and corrections are not in it. As a
 * control its rows that reach Payable are kept; the others tell what webhooks tell.
 * docs.adyen.com/reporting/invoice-reconciliation/payment-accounting-report
 */
export const paymentAccounting: SettlementFormat = {
  name: 'payment_accounting',
  title: 'Payment accounting report (CSV)',
  role: () => 'control',
  mode: 'batch',
  proof: 'none: it has neither payouts nor corrections',
  documentation: ['https://docs.adyen.com/reporting/invoice-reconciliation/payment-accounting-report'],
  recognises: (head) => hasColumns(headerCells(head), ['Psp Reference', 'Record Type', 'Payable (SC)']),
  accountOf: (head) => firstAccount(head, MERCHANT_ACCOUNT),
  async *read(source, context) {
    const own = createOwnRows(context.only, MERCHANT_ACCOUNT);
    let readRow: ReturnType<typeof createRows> | undefined;
    for await (const { at, rows, faults, header } of reportRows(source, COLUMNS, { mayRepeat: TWICE })) {
      const items: ReportItem[] = [...faults];
      if (rows.length > 0) readRow ??= createRows(at, header, context, own);
      for (const row of rows) readRow?.(row, items);
      if (items.length > 0) yield items;
    }
    const said = own.end();
    if (said.length > 0) yield said;
  },
};

function createRows(
  at: Columns<typeof COLUMNS>,
  header: readonly string[],
  context: ReportContext,
  own: OwnRows,
): (row: CsvRow, items: ReportItem[]) => void {
  const clock = createReportClock(context.zone);
  const currencyOf = createCurrencyReader();
  const rawOf = createRawRow(header, (name) => PERSONAL_COLUMNS.test(name));
  const feeColumns = [at.commission, at.markup, at.schemeFees, at.interchange].filter((column) => column >= 0);
  return (row, items) => {
    const { cells } = row;
    const cell = (n: number): string => cellAt(cells, n);
    const refuse = (column: number, reason: string): void => {
      items.push(unreadableCell(row.row, { field: header[column] ?? '', value: cell(column), reason }));
    };
    const merchantAccount = cell(at.merchantAccount);
    if (!own.isOurs(merchantAccount)) return;
    if (cell(at.payable) === '' && feeColumns.every((column) => cell(column) === '')) return;
    const currency = currencyOf(cell(at.currency));
    if (currency === null) return refuse(at.currency, NOT_CURRENCY);
    const read = [at.payable, ...feeColumns].map((column) => decimalOrZero(cell(column)));
    const wrong = read.indexOf(null);
    if (wrong >= 0) return refuse([at.payable, ...feeColumns][wrong] ?? at.payable, NOT_DECIMAL);
    const [payable = ZERO, ...parts] = read.filter((one) => one !== null);
    const booked = clock.read(cell(at.booked), cell(at.zone));
    if (booked.kind === 'fault') return refuse(at.booked, booked.reason);
    const { minor: net, residue } = rounded(payable, currency.exponent);
    const fee = rounded(sum(ZERO, ...parts), currency.exponent).minor;
    const batch = `${merchantAccount}/${cell(at.batch) || 'payable'}`;
    const [type, psp, modification, merchant] = [at.type, at.psp, at.modification, at.merchantReference].map(cell);
    const fields = `${batch}|${type}|${psp}|${modification}|${merchant}|${currency.code}|${net}|${fee}|${booked.at}`;
    items.push({
      type: 'line',
      row: row.row,
      raw: rawOf(row),
      line: adyenLine({
        identity: joinedIdentity(fields),
        type: type ?? '',
        merchantAccount,
        batch,
        psp: psp ?? '',
        modification: modification ?? '',
        note: '',
        currency: currency.code,
        gross: net + fee,
        fee,
        net,
        at: booked.at,
        zone: booked.zone,
      }),
      keys: {
        ...(modification ? { source: modification } : undefined),
        ...(psp ? { payment: psp } : undefined),
        ...(merchant ? { merchant } : undefined),
      },
      ...(residue === undefined ? undefined : { residue }),
      ...(cell(at.method) === '' ? undefined : { paymentMethod: cell(at.method) }),
    });
  };
}

const ZERO: Decimal = { units: 0n, scale: 0 };
