import { type Static, type TSchema, Type } from 'typebox';
import type { ReportFault } from '../providers/settlement-format.ts';
import { faultCurrency } from '../reconcile/import/fault-currency.ts';
import type { ProvenBatch } from '../reconcile/import/prove.ts';
import type {
  BatchRow,
  FaultRow,
  KeptLineRow,
  SettlementRow,
  ShownBatches,
} from '../reconcile/import/settlement-store.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });
const Amount = Type.String({ pattern: '^-?\\d+$', description: 'minor units' });

export const BatchShape = Type.Object(
  {
    reference: Type.String(),
    currency: Type.String(),
    lines: Type.Integer(),
    gross: Amount,
    fee: Amount,
    tax: Amount,
    net: Amount,
    payout: Amount,
    opening: Amount,
    closing: Amount,
    closes: Type.Boolean({ description: 'the difference is 0' }),
    difference: Amount,
    stated: Type.Boolean({
      description: 'opening and closing are the report’s own; else computed, which proves nothing',
    }),
  },
  {
    description:
      'in the settlement currency, signed from the merchant’s side; gross to net run over every line but payouts, payout reversals and carry-forwards; difference = opening + net + payout − closing',
  },
);

export const ReportErrorShape = Type.Object({
  kind: Type.String({
    description: 'unreadable: nothing of the file is kept; contradiction: may be accepted with a reason',
  }),
  line: Nullable(Type.Integer()),
  field: Nullable(Type.String()),
  value: Nullable(Type.String()),
  reason: Type.String(),
  batch: Nullable(Type.String()),
  expected: Nullable(Type.String()),
  found: Nullable(Type.String()),
  currency: Nullable(
    Type.String({ description: 'of its amounts, of its batch or of the whole report; null where there are several' }),
  ),
  difference: Nullable({ ...Amount, description: 'found − expected in minor units; null where they are no amounts' }),
});

const summary = {
  id: Type.String(),
  provider: Type.String(),
  account: Type.String(),
  endpoint: Type.String(),
  format: Type.String(),
  moves_money: Type.Boolean({ description: 'false: a control, kept and checked and never posted' }),
  mode: Type.String({ description: 'payout, batch or balance: how the account is paid' }),
  status: Type.String({
    description: 'waiting (for further files of the report), importing, imported, failed, amended',
  }),
  file: Type.Object({
    name: Nullable(Type.String()),
    sha256: Nullable(Type.String()),
    bytes: Type.Integer(),
    lines: Type.Integer(),
  }),
  progress: Nullable(Type.Object({ bytes: Type.Integer(), lines: Type.Integer() })),
  lines_new: Type.Integer({ description: 'those that no earlier file had brought' }),
  error_count: Type.Integer({ description: 'at most 1,000 of them are kept' }),
  accepted_difference: Nullable(Type.String()),
  supersedes: Nullable(Type.String({ description: 'the earlier version of its batches, whose status is amended' })),
  repeated: Type.Integer({ description: 'how often the same bytes came again' }),
  note: Nullable(Type.String({ description: 'why it failed as a whole' })),
  actor: Type.String(),
  created_at: Time,
  finished_at: Nullable(Time),
};

export const SettlementSummaryShape = Type.Object(summary);
export const SettlementShape = Type.Object({
  ...summary,
  batches: Type.Array(BatchShape, { description: 'the first 1,000' }),
  batch_count: Type.Integer({ description: 'all that the report has' }),
  errors: Type.Array(ReportErrorShape),
});

export const SettlementLineShape = Type.Object({
  id: Type.String(),
  line: Type.Integer(),
  identity: Type.String(),
  version: Type.Integer(),
  kind: Type.String(),
  word: Nullable(Type.String({ description: 'the processor’s own word for its kind' })),
  batch: Type.String(),
  reference: Nullable(Type.String()),
  component: Nullable(Type.String()),
  currency: Type.String(),
  gross: Amount,
  fee: Amount,
  tax: Amount,
  net: Amount,
  other: Nullable(
    Type.Object(
      { amount: Amount, currency: Type.String() },
      { description: 'what the payer paid, or what arrives at the bank, in another currency' },
    ),
  ),
  booked_at: Time,
  occurred_at: Nullable(Time),
  available_at: Nullable(Time),
  zone: Type.String(),
  keys: Type.Record(Type.String(), Type.String()),
  fx_rate: Nullable(Type.String()),
  residue: Nullable(Type.String({ description: 'what rounding to minor units left over' })),
  payment_method: Nullable(Type.String()),
  raw: Type.String(),
  removed_by: Nullable(Type.String({ description: 'the amended report that has it no more, or otherwise' })),
});

export const ExaminedShape = Type.Object({
  format: Type.String(),
  lines: Type.Integer(),
  batches: Type.Array(BatchShape),
  error_count: Type.Integer(),
  errors: Type.Array(ReportErrorShape),
});

export function settlementSummary(row: SettlementRow): Static<typeof SettlementSummaryShape> {
  return {
    id: row.id,
    provider: row.provider,
    account: row.account,
    endpoint: row.endpoint,
    format: row.format,
    moves_money: row.moves_money,
    mode: row.mode,
    status: row.status,
    file: {
      name: row.file_name,
      sha256: row.sha256?.toString('hex') ?? null,
      bytes: Number(row.bytes),
      lines: Number(row.lines),
    },
    progress: row.status === 'importing' ? { bytes: Number(row.bytes_read), lines: Number(row.lines) } : null,
    lines_new: Number(row.lines_new),
    error_count: row.fault_count,
    accepted_difference: row.accepted_difference,
    supersedes: row.supersedes,
    repeated: row.repeated,
    note: row.note,
    actor: row.actor,
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  };
}

export function settlementView(
  row: SettlementRow,
  { batches, count }: ShownBatches,
  faults: readonly FaultRow[],
): Static<typeof SettlementShape> {
  const shown = batches.map(batchView);
  return { ...settlementSummary(row), batches: shown, batch_count: count, errors: faults.map(faultView) };
}

function batchView(row: BatchRow): Static<typeof BatchShape> {
  const { batch, currency, gross, fee, tax, net, payout, opening, closing, is_stated: stated } = row;
  const difference = BigInt(opening) + BigInt(net) + BigInt(payout) - BigInt(closing);
  return {
    ...{ reference: batch, currency, lines: Number(row.lines), gross, fee, tax, net, payout, opening, closing },
    ...{ closes: difference === 0n, difference: String(difference), stated },
  };
}

export function provenBatchView(b: ProvenBatch): Static<typeof BatchShape> {
  const text = (name: 'gross' | 'fee' | 'tax' | 'net' | 'payout' | 'opening' | 'closing'): string => String(b[name]);
  return {
    reference: b.batch,
    currency: b.currency,
    lines: b.lines,
    gross: text('gross'),
    fee: text('fee'),
    tax: text('tax'),
    net: text('net'),
    payout: text('payout'),
    opening: text('opening'),
    closing: text('closing'),
    closes: b.difference === 0n,
    difference: String(b.difference),
    stated: b.stated,
  };
}

const faultView = ({ row_no, ...rest }: FaultRow): Static<typeof ReportErrorShape> => ({
  ...rest,
  line: row_no === null ? null : Number(row_no),
});

export function examinedFaults(
  faults: readonly ReportFault[],
  batches: readonly ProvenBatch[],
): Static<typeof ReportErrorShape>[] {
  return faults.map((fault) => {
    const { kind, row, field, value, reason, batch = null, expected = null, found = null } = fault;
    const difference = fault.difference === undefined ? null : String(fault.difference.amount);
    const currency = faultCurrency(fault, batches);
    return { kind, line: row, field, value, reason, batch, expected, found, currency, difference };
  });
}

export function settlementLineView(row: KeptLineRow): Static<typeof SettlementLineShape> {
  const keys = { source: row.key_source, payment: row.key_payment, merchant: row.key_merchant, bank: row.key_bank };
  return {
    id: row.id,
    line: Number(row.row_no),
    identity: row.identity,
    version: row.version,
    kind: row.kind,
    word: row.word,
    batch: row.batch,
    reference: row.reference,
    component: row.component,
    currency: row.currency,
    gross: String(row.gross),
    fee: String(row.fee),
    tax: String(row.tax),
    net: String(row.net),
    other:
      row.other_amount === null || row.other_currency === null
        ? null
        : { amount: String(row.other_amount), currency: row.other_currency },
    booked_at: row.booked_at.toISOString(),
    occurred_at: row.occurred_at?.toISOString() ?? null,
    available_at: row.available_at?.toISOString() ?? null,
    zone: row.zone,
    keys: Object.fromEntries(Object.entries(keys).flatMap(([name, key]) => (key === null ? [] : [[name, key]]))),
    fx_rate: row.fx_rate,
    residue: row.residue,
    payment_method: row.payment_method,
    raw: row.raw,
    removed_by: row.removed_by,
  };
}
