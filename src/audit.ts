import type { Sql } from './postgres/sql.ts';

/** Who did what to what, and why: in the transaction of the change itself. */
export async function audit(
  tx: Sql,
  entry: { actor: string; action: string; subject: string; reason?: string | null; details?: Record<string, unknown> },
): Promise<void> {
  await tx.query('insert into postern.audit_log (actor, action, subject, reason, details) values ($1, $2, $3, $4, $5)', [
    entry.actor,
    entry.action,
    entry.subject,
    entry.reason ?? null,
    entry.details === undefined ? null : JSON.stringify(entry.details),
  ]);
}
