import type { provenBatchView, settlementView } from '../api/settlement-view.ts';
import { currencyExponent } from '../currency.ts';
import { formatMajor } from '../money.ts';
import { moment, oneLine, table } from './table.ts';

type Batch = ReturnType<typeof provenBatchView>;
type View = ReturnType<typeof settlementView>;
type Fault = Omit<View['errors'][number], 'batch' | 'currency' | 'difference'>;

const SHOWN_MAX = 50;

const money = (amount: string, currency: string): string =>
  formatMajor(BigInt(amount), currencyExponent(currency) ?? 0);

/** What the batches of a report come to, and how they close; `count`: how many there are, where not all of them are told. */
export function readableBatches(batches: readonly Batch[], count = batches.length): string {
  if (batches.length === 0) return 'no batches';
  const text = table<Batch>(
    [
      { title: 'BATCH', of: (b) => b.reference },
      { title: 'LINES', of: (b) => String(b.lines), right: true },
      { title: 'GROSS', of: (b) => money(b.gross, b.currency), right: true },
      { title: 'FEE', of: (b) => money(b.fee, b.currency), right: true },
      { title: 'TAX', of: (b) => money(b.tax, b.currency), right: true },
      { title: 'NET', of: (b) => money(b.net, b.currency), right: true },
      { title: 'PAID OUT', of: (b) => money(b.payout, b.currency), right: true },
      { title: 'CLOSING', of: (b) => money(b.closing, b.currency), right: true },
      { title: '', of: (b) => b.currency },
      {
        title: 'PROOF',
        of: (b) => (b.closes ? (isProven(b) ? 'closes' : 'unproven') : `off by ${money(b.difference, b.currency)}`),
      },
    ],
    batches.slice(0, SHOWN_MAX),
  );
  const more = count - Math.min(batches.length, SHOWN_MAX);
  return more > 0 ? `${text}\n… and ${more} more` : text;
}

/** Against totals of its own, or because its lines come to what it paid out. */
const isProven = ({ stated, payout, closing }: Batch): boolean => stated || (payout !== '0' && closing === '0');

export function readableFaults(faults: readonly Fault[], count: number): string {
  const lines = faults.slice(0, SHOWN_MAX).map(({ line, field, value, reason, expected, found }) => {
    const where = [line === null ? null : `line ${line}`, field].filter((part) => part !== null).join(', ');
    const what = value === null ? '' : ` (“${oneLine(value)}”)`;
    const proof = expected === null && found === null ? '' : `: expected ${expected ?? '–'}, found ${found ?? '–'}`;
    return `  ${where === '' ? '' : `${where}: `}${oneLine(reason)}${what}${proof}`;
  });
  const more = count - lines.length;
  return [`${count} ${count === 1 ? 'error' : 'errors'}`, ...lines, ...(more > 0 ? [`  … and ${more} more`] : [])].join(
    '\n',
  );
}

export function readableSettlement(view: View): string {
  const { file, progress, errors } = view;
  const head = [
    `${view.id}  ${view.provider}/${view.endpoint}  ${view.format}  ${view.status}`,
    `  ${file.name ?? 'a file without name'}, ${file.bytes} bytes, ${file.lines} lines, ${view.lines_new} of them new`,
    `  by ${view.actor} at ${moment(view.created_at)}${view.moves_money ? '' : '; a control: kept, checked and never posted'}`,
    ...(progress === null ? [] : [`  so far ${progress.bytes} bytes, ${progress.lines} lines`]),
    ...(view.supersedes === null ? [] : [`  a later version of ${view.supersedes}`]),
    ...(view.accepted_difference === null ? [] : [`  taken with its difference: ${oneLine(view.accepted_difference)}`]),
    ...(view.note === null ? [] : [`  ${oneLine(view.note)}`]),
  ].join('\n');
  const parts = [head, ...(view.batches.length === 0 ? [] : [readableBatches(view.batches, view.batch_count)])];
  return [...parts, ...(view.error_count === 0 ? [] : [readableFaults(errors, view.error_count)])].join('\n\n');
}
