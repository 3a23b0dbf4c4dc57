import type { Sql, Tx } from './postgres/sql.ts';

/** Who did what to what, and why. `details` never holds a secret. */
export type AuditEntry = {
  /** `token:{id}`, `cli:{user}`, `system`. */
  readonly actor: string;
  /** `endpoint.create`, `token.revoke` … */
  readonly action: string;
  /** `endpoint:7`, `token:abc`. */
  readonly subject: string;
  readonly reason?: string | null;
  readonly details?: Readonly<Record<string, unknown>>;
};

export type AuditRow = {
  readonly id: bigint;
  readonly at: Date;
  /** To the microsecond, in UTC: where a page ends. */
  readonly at_exactly: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string | null;
  readonly details: Record<string, unknown> | null;
  /** Its place in the ledger's log; null while it is not sealed yet. */
  readonly sealed_as: bigint | null;
};

/** Takes a transaction: an action without its entry, or an entry without its action, must not be. */
export async function insertAudit(tx: Tx, entry: AuditEntry): Promise<void> {
  await tx.query(
    'insert into postern.audit_log (actor, action, subject, reason, details) values ($1, $2, $3, $4, $5)',
    [
      entry.actor,
      entry.action,
      entry.subject,
      entry.reason ?? null,
      entry.details === undefined ? null : JSON.stringify(entry.details),
    ],
  );
}

/** What is asked for; a text that ends with `*` means all that begin like it. Times: at or after, and before. */
export type AuditFilter = {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly subject?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
};

export type AuditPlace = { readonly at: string; readonly id: bigint };

const TIME = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;
const COLUMNS = `a.id, a.at, to_char(a.at at time zone 'utc', ${TIME}) as at_exactly, a.actor, a.action, a.subject, a.reason, a.details,
  (select s.seq from postern.seal s where s.audit_id = a.id) as sealed_as`;

/** Newest first; `before` is the place of the last row of the page before. */
export async function selectAudit(
  sql: Sql,
  filter: AuditFilter,
  page: { before: AuditPlace | null; limit: number },
): Promise<AuditRow[]> {
  const { conditions, values } = conditionsOf(filter);
  if (page.before !== null) {
    values.push(page.before.at, page.before.id);
    conditions.push(`(a.at, a.id) < ($${values.length - 1}::timestamptz, $${values.length}::int8)`);
  }
  values.push(page.limit);
  const result = await sql.query<AuditRow>(
    `select ${COLUMNS} from postern.audit_log a where ${['true', ...conditions].join(' and ')}
     order by a.at desc, a.id desc limit $${values.length}`,
    values,
  );
  return result.rows;
}

export async function selectAuditEntry(sql: Sql, id: bigint): Promise<AuditRow | null> {
  const result = await sql.query<AuditRow>(`select ${COLUMNS} from postern.audit_log a where a.id = $1`, [id]);
  return result.rows[0] ?? null;
}

const ROWS_A_FETCH = 500;

/** All that is asked for, oldest first, as one state of the database: read as it is taken, whatever its length. */
export async function* streamAudit(tx: Tx, filter: AuditFilter): AsyncGenerator<readonly AuditRow[], void> {
  const { conditions, values } = conditionsOf(filter);
  await tx.query(
    `declare audit_export no scroll cursor for
     select ${COLUMNS} from postern.audit_log a where ${['true', ...conditions].join(' and ')} order by a.at, a.id`,
    values,
  );
  for (;;) {
    const { rows } = await tx.query<AuditRow>(`fetch ${ROWS_A_FETCH} from audit_export`);
    if (rows.length > 0) yield rows;
    if (rows.length < ROWS_A_FETCH) return;
  }
}

/** In the collation of the indexes, whatever the database's own is. */
function conditionsOf(filter: AuditFilter): { conditions: string[]; values: unknown[] } {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const add = (value: unknown, condition: (parameter: string) => string): void => {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  for (const column of ['actor', 'action', 'subject'] as const) {
    const text = filter[column];
    if (text === undefined) continue;
    if (text.endsWith('*')) {
      const start = text.slice(0, -1).replaceAll(/[\\%_]/g, '\\$&');
      add(`${start}%`, (p) => `a.${column} collate "C" like ${p}::text`);
    } else add(text, (p) => `a.${column} collate "C" = ${p}::text`);
  }
  if (filter.from !== undefined) add(filter.from, (p) => `a.at >= ${p}::timestamptz`);
  if (filter.to !== undefined) add(filter.to, (p) => `a.at < ${p}::timestamptz`);
  return { conditions, values };
}
