import { PosternError } from '../../errors.ts';
import type { Tx } from '../../postgres/sql.ts';
import type { Scope } from './scope.ts';
import { type Column, count, text, time } from './table.ts';

export const INPUT_COLUMNS: readonly Column[] = [
  text('what'),
  text('provider'),
  text('account'),
  text('format'),
  text('use'),
  text('status'),
  text('file_name'),
  text('sha256'),
  count('bytes'),
  count('lines'),
  text('id'),
  time('imported_at'),
  text('imported_by'),
  text('accepted_difference'),
];

/** The files that the period was told by, with their hashes: whoever has them can make the report again. */
export const inputs = ({ selection, days }: Scope) => ({
  text: `select 'report' as what, s.provider, s.account, s.format, case when s.moves_money then 'moves money' else 'control' end as use,
      s.status, s.file_name, encode(s.sha256, 'hex') as sha256, s.bytes, s.lines, s.id::text as id, s.finished_at as imported_at,
      s.actor as imported_by, s.accepted_difference
    from postern.settlements s
    where s.status in ('imported', 'amended') and ($1::text is null or s.provider = $1) and ($2::text is null or s.account = $2)
      and exists (select from postern.settlement_batches b where b.settlement_id = s.id
        and (b.last_at is null or b.last_at >= $3::date - interval '1 day' and b.first_at < $4::date + interval '2 days'))
    union all
    select 'statement', null, null, b.format, 'bank', b.status, b.file_name, encode(b.sha256, 'hex'), b.bytes, b.entries, b.id::text,
      b.finished_at, b.actor, null
    from postern.bank_statements b
    where b.status = 'imported' and exists (select from postern.bank_lines l where l.bank_statement_id = b.id
      and l.booked_at >= $3::date - interval '1 day' and l.booked_at < $4::date + interval '2 days')
    order by what, provider, account, imported_at, id`,
  values: [selection.provider, selection.account, days.from, days.to],
});

/** The server's time of what is read, and up to when the engine looked at what moved; null: it never did. */
export async function readTimes(tx: Tx): Promise<{ readAt: Date; judgedUntil: Date | null }> {
  const { rows } = await tx.query<{ read_at: Date; looked_at: Date | null }>(
    'select clock_timestamp() as read_at, r.looked_at from postern.reconciling r',
  );
  const row = rows[0];
  if (row === undefined) throw new PosternError('internal', 'how far items were looked at is not kept');
  return { readAt: row.read_at, judgedUntil: row.looked_at };
}
