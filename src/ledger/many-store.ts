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
import type { AccountRef } from './chart.ts';
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

/** Entries as they go to the server, but for the numbers of their accounts: made while the server writes those before. */
export type EncodedEntries = {
  readonly entries: readonly LineEntry[];
  /** Of each leg, in their order. */
  readonly accounts: readonly AccountRef[];
  readonly columns: {
    readonly ids: Buffer;
    readonly keys: Buffer;
    readonly contents: Buffer;
    readonly kinds: Buffer;
    readonly at: Buffer;
    readonly zones: Buffer;
    readonly lines: Buffer;
    readonly fees: Buffer;
    readonly legIds: Buffer;
    readonly legNumbers: Buffer;
    readonly currencies: Buffer;
    readonly amounts: Buffer;
    readonly references: Buffer;
    readonly components: Buffer;
  };
};

export function encodeEntries(entries: readonly LineEntry[]): EncodedEntries {
  const legs = entries.flatMap(({ entry }) => entry.legs);
  return {
    entries,
    accounts: legs.map(({ account }) => account),
    columns: {
      ids: uuidTextArray(entries.map(({ entry }) => entry.id)),
      keys: textArray(entries.map(({ entry }) => entry.effectKey)),
      contents: byteaArray(entries.map(({ entry }) => entry.content)),
      kinds: textArray(entries.map(({ entry }) => entry.kind)),
      at: timestamptzArray(entries.map(({ entry }) => entry.at)),
      zones: textArray(entries.map(({ zone }) => zone)),
      lines: uuidTextArray(entries.map(({ line }) => line)),
      fees: textArray(entries.map(({ fee }) => fee)),
      legIds: uuidTextArray(entries.flatMap(({ entry }) => entry.legs.map(() => entry.id))),
      legNumbers: int2Array(entries.flatMap(({ entry }) => entry.legs.map((_, n) => n))),
      currencies: textArray(legs.map(({ currency }) => currency)),
      amounts: int8Array(legs.map(({ amount }) => amount)),
      references: textArray(legs.map(({ reference }) => reference)),
      components: textArray(legs.map(({ component }) => component)),
    },
  };
}

/** Claims and records a batch; what is derived from it waits for `settleMany`. Whoever calls holds the account's fees. */
export async function recordMany(
  tx: Tx,
  { accounts, columns }: EncodedEntries,
  { accountId, pending, ruleVersion }: { accountId: (path: string) => number; pending: number; ruleVersion: number },
): Promise<Taken[]> {
  const result = await tx.query<Taken>(
    {
      name: 'ledger-record-many',
      text: `select id, existing, same from postern.ledger_record_many($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::timestamptz[],
        $6::text[], $7::int2, $8::uuid[], $9::text[], $10::int4, $11::uuid[], $12::int2[], $13::int4[], $14::text[], $15::int8[],
        $16::text[], $17::text[])`,
    },
    [
      columns.ids,
      columns.keys,
      columns.contents,
      columns.kinds,
      columns.at,
      columns.zones,
      ruleVersion,
      columns.lines,
      columns.fees,
      pending,
      columns.legIds,
      columns.legNumbers,
      int4Array(accounts.map(({ path }) => accountId(path))),
      columns.currencies,
      columns.amounts,
      columns.references,
      columns.components,
    ],
  );
  return result.rows;
}

/** Open items and balances of all that was recorded so in this transaction, which cannot commit without it. */
export async function settleMany(tx: Tx): Promise<void> {
  await tx.query('select postern.ledger_settle_many()');
}
