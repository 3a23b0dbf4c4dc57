import { int4Array } from '../../postgres/binary-arrays.ts';
import type { Sql } from '../../postgres/sql.ts';
import { type ItemAccount, itemAccountOf } from './items.ts';

/** The ledger accounts behind their numbers. They are never removed, so what was read stays right. */
export type ItemAccounts = {
  /** Reads those that are not known yet. */
  load(sql: Sql, ids: Iterable<number>): Promise<void>;
  /** Undefined where it is none of ours, or was not loaded. */
  get(id: number): ItemAccount | undefined;
};

const KEPT_MAX = 100_000;

export function createItemAccounts(): ItemAccounts {
  const known = new Map<number, ItemAccount | undefined>();
  return {
    async load(sql, ids) {
      const missing = [...new Set(ids)].filter((id) => !known.has(id));
      if (missing.length === 0) return;
      if (known.size + missing.length > KEPT_MAX) known.clear();
      const { rows } = await sql.query<{ id: number; path: string }>(
        'select a.id, a.path from postern.accounts a where a.id = any ($1::int4[])',
        [int4Array(missing)],
      );
      for (const row of rows) known.set(row.id, itemAccountOf(row) ?? undefined);
    },
    get: (id) => known.get(id),
  };
}
