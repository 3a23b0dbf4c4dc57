import { createHash } from 'node:crypto';
import { date, hex, int2, int8, record, text, timestamp, uuid } from './record-bytes.ts';

/**
 * A transaction as the log seals it, in the spellings a proof carries. Times are `YYYY-MM-DDTHH:MM:SS.ffffffZ`, days
 * `YYYY-MM-DD`, hashes hex, amounts minor units.
 */
export type SealedTransaction = {
  readonly id: string;
  readonly effect_key: string;
  readonly content: string;
  readonly kind: string;
  readonly effective_at: string;
  readonly recorded_at: string;
  readonly accounting_date: string;
  readonly rule_version: number;
  readonly reverses: string | null;
  readonly source_event: string | null;
  readonly source_sha256: string | null;
  readonly source_line: string | null;
  readonly source_request: string | null;
  readonly cause: string | null;
  readonly lines: readonly SealedLine[];
};

export type SealedLine = {
  readonly line: number;
  readonly account: string;
  readonly currency: string;
  readonly amount: string;
  readonly reference: string | null;
  readonly component: string | null;
};

const LEAF = Buffer.from([0]);

/** What `postern.leaf_hash` makes of it (migrations/0011-ledger-log.sql), made without a database. Throws RangeError on what is no such value. */
export function leafHashOf(t: SealedTransaction): Buffer {
  const row = record([
    text('postern.transaction.1'),
    uuid(t.id),
    text(t.effect_key),
    hex(t.content),
    text(t.kind),
    timestamp(t.effective_at),
    timestamp(t.recorded_at),
    date(t.accounting_date),
    int2(t.rule_version),
    uuid(t.reverses),
    uuid(t.source_event),
    hex(t.source_sha256),
    uuid(t.source_line),
    uuid(t.source_request),
    text(t.cause),
  ]);
  const hash = createHash('sha256').update(LEAF).update(row);
  for (const l of t.lines) {
    hash.update(
      record([int2(l.line), text(l.account), text(l.currency), int8(l.amount), text(l.reference), text(l.component)]),
    );
  }
  return hash.digest();
}
