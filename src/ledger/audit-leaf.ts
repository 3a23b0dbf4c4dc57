import { createHash } from 'node:crypto';
import { int8, record, text, timestamp } from './record-bytes.ts';

/**
 * An entry of the audit log as the log seals it, in the spellings a proof carries: the time as `YYYY-MM-DDTHH:MM:SS.ffffffZ`,
 * the details as the text that Postgres prints of them.
 */
export type SealedAuditEntry = {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string | null;
  readonly details: string | null;
};

const LEAF = Buffer.from([0]);

/**
 * What `postern.audit_leaf_hash` makes of it (migrations/0020-audit-log.sql), made without a database. Its first field is another
 * than a transaction's, so that neither can be taken for the other. Throws RangeError on what is no such value.
 */
export function auditLeafHashOf(entry: SealedAuditEntry): Buffer {
  const row = record([
    text('postern.audit.1'),
    int8(entry.id),
    timestamp(entry.at),
    text(entry.actor),
    text(entry.action),
    text(entry.subject),
    text(entry.reason),
    text(entry.details),
  ]);
  return createHash('sha256').update(LEAF).update(row).digest();
}
