import type { Tx } from '../postgres/sql.ts';

/** The transaction that took this one back, or null. */
export async function reversedBy(tx: Tx, transactionId: string): Promise<string | null> {
  const result = await tx.query<{ id: string }>('select id from postern.transactions where reverses = $1', [
    transactionId,
  ]);
  return result.rows[0]?.id ?? null;
}

/**
 * Waits for refunds of a service's transaction, and tells whether one stands: what was given back once is not taken back whole.
 */
export async function hasRefunds(tx: Tx, transactionId: string): Promise<boolean> {
  const held = await tx.query('select from postern.requests where transaction_id = $1 for update', [transactionId]);
  if (held.rows.length === 0) return false;
  // A statement of its own: the one above does not see what was committed while it waited.
  const result = await tx.query<{ refunded: boolean }>(
    `select exists (select from postern.requests r where r.refunds = $1 and r.status = 'completed'
       and not exists (select from postern.transactions t where t.reverses = r.transaction_id)) as refunded`,
    [transactionId],
  );
  return result.rows[0]?.refunded === true;
}
