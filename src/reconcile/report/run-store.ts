import type { Sql } from '../../postgres/sql.ts';
import type { ReportDocument } from './table.ts';

/** A report that was made: when, by whom and of what. */
export type Run = {
  readonly id: string;
  readonly selection: string;
  readonly madeAt: Date;
  readonly knownAt: Date;
  readonly actor: string;
  readonly previous: { readonly id: string; readonly madeAt: Date } | null;
  readonly control: string | null;
};

/** Of one selection; older ones are forgotten, and no report tells its changes from them. */
const RUNS_KEPT = 1_000;

const COLUMNS = `r.id::text as id, r.selection, r.made_at, r.known_at, r.actor, encode(r.control, 'hex') as control,
  p.id::text as previous_id, p.made_at as previous_at`;

type Row = {
  id: string;
  selection: string;
  made_at: Date;
  known_at: Date;
  actor: string;
  control: string | null;
  previous_id: string | null;
  previous_at: Date | null;
};

export async function findRun(sql: Sql, report: ReportDocument['report'], id: string): Promise<Run | null> {
  const { rows } = await sql.query<Row>(
    `select ${COLUMNS} from postern.report_runs r left join postern.report_runs p on p.id = r.previous
     where r.id = $1 and r.report = $2`,
    [id, report],
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { previous_id, previous_at } = row;
  return {
    id: row.id,
    selection: row.selection,
    madeAt: row.made_at,
    knownAt: row.known_at,
    actor: row.actor,
    previous: previous_id === null || previous_at === null ? null : { id: previous_id, madeAt: previous_at },
    control: row.control,
  };
}

/** The newest of a selection that was made to its end: what nobody has read is no report to tell changes from. */
export async function latestRun(
  sql: Sql,
  report: ReportDocument['report'],
  selection: string,
): Promise<Run['previous']> {
  const { rows } = await sql.query<{ id: string; made_at: Date }>(
    `select r.id::text as id, r.made_at from postern.report_runs r
     where r.report = $1 and r.selection = $2 and r.control is not null order by r.made_at desc, r.id desc limit 1`,
    [report, selection],
  );
  const row = rows[0];
  return row === undefined ? null : { id: row.id, madeAt: row.made_at };
}

export async function insertRun(
  sql: Sql,
  report: ReportDocument['report'],
  run: Omit<Run, 'control'>,
  summary: unknown,
): Promise<void> {
  await sql.query(
    `insert into postern.report_runs (id, report, selection, made_at, known_at, actor, previous, summary)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      run.id,
      report,
      run.selection,
      run.madeAt,
      run.knownAt,
      run.actor,
      run.previous?.id ?? null,
      JSON.stringify(summary),
    ],
  );
  await sql.query(
    `delete from postern.report_runs r where r.id in (
       select o.id from postern.report_runs o where o.report = $1 and o.selection = $2
       order by o.made_at desc, o.id desc offset ${RUNS_KEPT} limit ${RUNS_KEPT})`,
    [report, run.selection],
  );
}

/** The first time counts: later ones are held against it. */
export async function noteControl(sql: Sql, id: string, sha256: string): Promise<void> {
  await sql.query(`update postern.report_runs set control = decode($2, 'hex') where id = $1 and control is null`, [
    id,
    sha256,
  ]);
}
