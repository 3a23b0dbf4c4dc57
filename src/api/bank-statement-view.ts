import { type Static, type TSchema, Type } from 'typebox';
import type { BankStatementRow } from '../reconcile/import/bank-store.ts';
import type { EntryCounts } from '../reconcile/import/entry-counts.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });
const Amount = Type.String({ pattern: '^-?\\d+$', description: 'minor units' });

export const BankStatementShape = Type.Object({
  id: Type.String(),
  format: Type.String(),
  status: Type.String({ description: 'imported or failed' }),
  file: Type.Object({
    name: Nullable(Type.String()),
    sha256: Nullable(Type.String()),
    bytes: Type.Integer(),
    entries: Type.Integer(),
  }),
  entries_new: Type.Integer({ description: 'those that no earlier file had brought' }),
  entries_posted: Type.Integer({ description: 'of the new ones: those that are a processor’s' }),
  entries_waiting: Type.Integer({
    description:
      'of the new ones: not posted, on a bank account that a processor pays into; they are once a payout names them or settings say whose they are',
  }),
  entries_not_ours: Type.Integer({
    description: 'of the new ones: not posted, on a bank account that no processor pays into',
  }),
  statements: Type.Array(
    Type.Object({
      account: Type.String(),
      statement: Type.String(),
      number: Nullable(
        Type.Object(
          { year: Nullable(Type.Integer()), value: Type.Integer() },
          {
            description: 'its place among the account’s, where the bank numbers them; the year is that of its closing',
          },
        ),
      ),
      currency: Type.String(),
      opening: Nullable(Amount),
      closing: Nullable(Amount),
      sum: Amount,
      entries: Type.Integer(),
      from: Nullable(Time),
      to: Nullable(Time),
      copy: Type.Boolean({ description: 'says of itself that it was sent before' }),
    }),
  ),
  error_count: Type.Integer(),
  errors: Type.Array(
    Type.Object({
      kind: Type.String(),
      line: Nullable(Type.Integer()),
      field: Nullable(Type.String()),
      value: Nullable(Type.String()),
      reason: Type.String(),
      statement: Nullable(Type.String()),
      expected: Nullable(Type.String()),
      found: Nullable(Type.String()),
    }),
  ),
  actor: Type.String(),
  created_at: Time,
});

export function bankStatementView(
  row: BankStatementRow,
  { posted, waiting, notOurs }: EntryCounts,
): Static<typeof BankStatementShape> {
  return {
    id: row.id,
    format: row.format,
    status: row.status,
    file: {
      name: row.file_name,
      sha256: row.sha256?.toString('hex') ?? null,
      bytes: Number(row.bytes),
      entries: Number(row.entries),
    },
    entries_new: Number(row.entries_new),
    entries_posted: posted,
    entries_waiting: waiting,
    entries_not_ours: notOurs,
    statements: [...row.totals],
    error_count: row.fault_count,
    errors: row.faults.map(({ type: _, row: line, statement = null, expected = null, found = null, ...rest }) => ({
      ...rest,
      ...{ line, statement, expected, found },
    })),
    actor: row.actor,
    created_at: row.created_at.toISOString(),
  };
}
