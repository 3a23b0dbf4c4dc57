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
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string | null;
  readonly details: Record<string, unknown> | null;
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

export type AuditFilter = { readonly subject?: string; readonly actor?: string; readonly action?: string };

/** Newest first; `before` is the id of the last row of the page before. */
export async function selectAudit(
  sql: Sql,
  filter: AuditFilter,
  page: { before: bigint | null; limit: number },
): Promise<AuditRow[]> {
  const result = await sql.query<AuditRow>(
    `select id, at, actor, action, subject, reason, details
     from postern.audit_log
     where ($1::int8 is null or id < $1::int8)
       and ($2::text is null or subject = $2::text)
       and ($3::text is null or actor = $3::text)
       and ($4::text is null or action = $4::text)
     order by id desc limit $5`,
    [page.before, filter.subject ?? null, filter.actor ?? null, filter.action ?? null, page.limit],
  );
  return result.rows;
}
