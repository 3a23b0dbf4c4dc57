import {
  byteaArray,
  int2Array,
  int4Array,
  int8Array,
  textArray,
  timestamptzArray,
  uuidTextArray,
} from '../postgres/binary-arrays.ts';
import type { Tx } from '../postgres/sql.ts';
import type { Entry } from './entry.ts';
import type { Taken } from './ledger-store.ts';

/** An entry of a line, on its way in with many. */
export type LineEntry = {
  readonly entry: Entry;
  /** The line that told it. */
  readonly line: string;
  readonly zone: string | null;
  /** The reference whose fee it recognises, unless that was announced; null: it recognises none. */
  readonly fee: string | null;
};

/** Claims and records a batch; what is derived from it waits for `settleMany`. Whoever calls holds the account's fees. */
export async function recordMany(
  tx: Tx,
  entries: readonly LineEntry[],
  { accountId, pending, ruleVersion }: { accountId: (path: string) => number; pending: number; ruleVersion: number },
): Promise<Taken[]> {
  const legs = entries.flatMap(({ entry }) => entry.legs.map((leg, n) => ({ id: entry.id, n, leg })));
  const result = await tx.query<Taken>(
    {
      name: 'ledger-record-many',
      text: `select id, existing, same from postern.ledger_record_many($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::timestamptz[],
        $6::text[], $7::int2, $8::uuid[], $9::text[], $10::int4, $11::uuid[], $12::int2[], $13::int4[], $14::text[], $15::int8[],
        $16::text[], $17::text[])`,
    },
    [
      uuidTextArray(entries.map(({ entry }) => entry.id)),
      textArray(entries.map(({ entry }) => entry.effectKey)),
      byteaArray(entries.map(({ entry }) => entry.content)),
      textArray(entries.map(({ entry }) => entry.kind)),
      timestamptzArray(entries.map(({ entry }) => entry.at)),
      textArray(entries.map(({ zone }) => zone)),
      ruleVersion,
      uuidTextArray(entries.map(({ line }) => line)),
      textArray(entries.map(({ fee }) => fee)),
      pending,
      uuidTextArray(legs.map(({ id }) => id)),
      int2Array(legs.map(({ n }) => n)),
      int4Array(legs.map(({ leg }) => accountId(leg.account.path))),
      textArray(legs.map(({ leg }) => leg.currency)),
      int8Array(legs.map(({ leg }) => leg.amount)),
      textArray(legs.map(({ leg }) => leg.reference)),
      textArray(legs.map(({ leg }) => leg.component)),
    ],
  );
  return result.rows;
}

/** Open items and balances of all that was recorded so in this transaction, which cannot commit without it. */
export async function settleMany(tx: Tx): Promise<void> {
  await tx.query('select postern.ledger_settle_many()');
}
