import type { Tx } from '../postgres/sql.ts';

/** The transaction that took this one back, or null. */
export async function reversedBy(tx: Tx, transactionId: string): Promise<string | null> {
  const result = await tx.query<{ id: string }>('select id from postern.transactions where reverses = $1', [
    transactionId,
  ]);
  return result.rows[0]?.id ?? null;
}
