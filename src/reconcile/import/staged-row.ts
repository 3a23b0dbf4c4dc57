import type { ReportLine } from '../../providers/settlement-format.ts';
import { type SettlementLine, UNBATCHED } from '../../settlement-line.ts';
import { COPY_NULL, copyOptional, copyText } from './copy-text.ts';

/** In the order of `stagedRow`. */
export const STAGED_COLUMNS =
  'id, row_no, identity, kind, word, batch, reference, component, currency, gross, fee, tax, net, other_amount, other_currency, ' +
  'carry_from, carry_to, booked_at, zone, occurred_at, available_at, key_source, key_payment, key_merchant, key_bank, fx_rate, ' +
  'residue, payment_method, raw';

/** A line as a row of COPY. `id` is the line's own from here on. */
export function stagedRow(id: string, { row, raw, line, keys, ...rest }: ReportLine): string {
  const { identity, kind, word, batch, currency, gross, fee, tax, net, at, zone } = line;
  return (
    `${id}\t${row}\t${copyText(identity)}\t${kind}\t${copyOptional(word)}\t${batch === '' ? UNBATCHED : copyText(batch)}\t` +
    `${about(line)}\t${currency}\t${gross}\t${fee}\t${tax}\t${net}\t${other(line)}\t${carry(line)}\t${at}\t${zone}\t` +
    `${rest.occurredAt ?? COPY_NULL}\t${rest.availableAt ?? COPY_NULL}\t${copyOptional(keys.source)}\t${copyOptional(keys.payment)}\t` +
    `${copyOptional(keys.merchant)}\t${copyOptional(keys.bank)}\t${copyOptional(rest.fxRate)}\t${rest.residue ?? COPY_NULL}\t` +
    `${copyOptional(rest.paymentMethod)}\t${copyText(raw)}\n`
  );
}

function about(line: SettlementLine): string {
  if ('reference' in line) return `${copyText(line.reference)}\t${line.component ?? COPY_NULL}`;
  if ('payout' in line) return `${copyText(line.payout)}\t${COPY_NULL}`;
  if ('hold' in line) return `${copyText(line.hold)}\t${COPY_NULL}`;
  return `${COPY_NULL}\t${COPY_NULL}`;
}

function other(line: SettlementLine): string {
  const money = 'payer' in line ? line.payer : 'settled' in line ? line.settled : undefined;
  return money === undefined ? `${COPY_NULL}\t${COPY_NULL}` : `${money.amount}\t${money.currency}`;
}

function carry(line: SettlementLine): string {
  return 'from' in line ? `${copyText(line.from)}\t${copyText(line.to)}` : `${COPY_NULL}\t${COPY_NULL}`;
}

/** A staged or kept line as the database has it. */
export type LineRow = {
  readonly id: string;
  readonly identity: string;
  readonly version: number;
  readonly kind: string;
  readonly batch: string;
  readonly reference: string | null;
  readonly component: string | null;
  readonly currency: string;
  readonly gross: bigint;
  readonly fee: bigint;
  readonly tax: bigint;
  readonly net: bigint;
  readonly other_amount: bigint | null;
  readonly other_currency: string | null;
  readonly carry_from: string | null;
  readonly carry_to: string | null;
  /** Unix ms. */
  readonly booked_at: bigint;
  readonly occurred_at: bigint | null;
  readonly zone: string;
};

export const LINE_ROW_COLUMNS =
  'id, identity, version, kind, batch, reference, component, currency, gross, fee, tax, net, other_amount, other_currency, ' +
  'carry_from, carry_to, booked_at, occurred_at, zone';

/** The same of a line that is kept. */
export const KEPT_ROW_COLUMNS = LINE_ROW_COLUMNS.replace(
  'booked_at, occurred_at',
  '(extract(epoch from booked_at) * 1000)::int8 as booked_at, (extract(epoch from occurred_at) * 1000)::int8 as occurred_at',
);

/** What the identity of a rounding begins with that is between files; batch and currency follow. */
export const APART = 'apart:';

/** What a row tells the ledger. A line that is told otherwise than before is another line to it: what was posted stays posted. */
export function lineOf(row: LineRow, liveFrom: number | null): SettlementLine {
  const { kind, batch, currency, gross, fee, tax, net, zone } = row;
  const at = Number(row.booked_at);
  const identity = row.version === 1 ? row.identity : `${row.identity}/${row.version}`;
  const base = { type: 'settlement.line', identity, batch, currency, gross, fee, tax, net, at, zone } as const;
  const reference = row.reference ?? '';
  const other =
    row.other_amount === null || row.other_currency === null
      ? null
      : { amount: row.other_amount, currency: row.other_currency };
  switch (kind) {
    case 'reserve_hold':
    case 'reserve_release':
      return { ...base, kind, hold: reference };
    case 'carry_forward':
      return { ...base, kind, from: row.carry_from ?? '', to: row.carry_to ?? '' };
    case 'payout':
    case 'topup':
    case 'payout_reversal':
      return { ...base, kind, payout: reference, ...(other === null ? {} : { settled: other }) };
    case 'fee':
    case 'tax':
    case 'fx_conversion':
    case 'rounding':
    case 'adjustment':
      return { ...base, kind };
    case 'charge':
    case 'refund':
    case 'refund_reversal':
    case 'chargeback':
    case 'chargeback_reversal':
    case 'transfer':
    case 'platform_fee': {
      const early = liveFrom !== null && Number(row.occurred_at ?? row.booked_at) < liveFrom;
      return {
        ...base,
        kind,
        reference,
        ...(row.component === 'dispute' ? { component: 'dispute' } : {}),
        ...(other === null ? {} : { payer: other }),
        ...(early ? { beforeLive: true } : {}),
      };
    }
    default:
      return { ...base, kind: 'other' };
  }
}
