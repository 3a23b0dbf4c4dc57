import { textArray, uuidTextArray } from '../../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';

/** `owners`: JSON, as it was noted. */
export type KnownOwners = { readonly bankAccount: string; readonly owners: string };

export async function knownOwners(sql: Sql): Promise<KnownOwners[]> {
  const { rows } = await sql.query<KnownOwners>(
    'select o.bank_account as "bankAccount", o.owners from postern.bank_owners o order by o.bank_account',
  );
  return rows;
}

/** From now on by these settings: what belongs to nobody is looked at from the start. */
export async function noteOwners(tx: Tx, changed: readonly KnownOwners[]): Promise<void> {
  if (changed.length === 0) return;
  await tx.query(
    `insert into postern.bank_owners (bank_account, owners, looked_up_to)
     select c.bank_account, c.owners, '' from unnest($1::text[], $2::text[]) as c (bank_account, owners)
     on conflict (bank_account) do update set owners = excluded.owners, looked_up_to = ''`,
    [textArray(changed.map(({ bankAccount }) => bankAccount)), textArray(changed.map(({ owners }) => owners))],
  );
}

/** A bank account whose entries are to be looked at, and behind which of them. */
export async function nextToLookAt(sql: Sql): Promise<{ bankAccount: string; after: string } | null> {
  const { rows } = await sql.query<{ bank_account: string; looked_up_to: string }>(
    `select o.bank_account, o.looked_up_to from postern.bank_owners o where o.looked_up_to is not null order by o.bank_account limit 1`,
  );
  const [row] = rows;
  return row === undefined ? null : { bankAccount: row.bank_account, after: row.looked_up_to };
}

export async function noteLookedAt(tx: Tx, bankAccount: string, upTo: string | null): Promise<void> {
  await tx.query('update postern.bank_owners set looked_up_to = $2 where bank_account = $1', [bankAccount, upTo]);
}

export type UnownedEntry = {
  readonly id: string;
  readonly account: string;
  readonly identity: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly at: number;
  readonly zone: string;
  readonly references: readonly string[];
  readonly counterparty: { readonly name: string | null; readonly account: string | null };
  readonly text: string;
};

/** Entries of a bank account that belong to nobody, behind one of them, in the order of the index. */
export async function unownedEntries(
  sql: Sql,
  { bankAccount, after, limit }: { readonly bankAccount: string; readonly after: string; readonly limit: number },
): Promise<UnownedEntry[]> {
  const { rows } = await sql.query<{
    id: string;
    bank_account: string;
    identity: string;
    amount: bigint;
    currency: string;
    booked_at: Date;
    zone: string;
    refs: string[];
    counterparty_name: string | null;
    counterparty_account: string | null;
    text: string;
  }>(
    `select b.id, b.bank_account, b.identity, b.amount, b.currency, b.booked_at, b.zone, b.refs, b.counterparty_name, b.counterparty_account,
       b.text
     from postern.bank_lines b where b.bank_account = $1 and b.identity > $2 and b.provider is null order by b.identity limit $3`,
    [bankAccount, after, limit],
  );
  return rows.map((row) => ({
    ...{ id: row.id, account: row.bank_account, identity: row.identity, amount: row.amount, currency: row.currency },
    ...{ at: row.booked_at.getTime(), zone: row.zone, references: row.refs, text: row.text },
    counterparty: { name: row.counterparty_name, account: row.counterparty_account },
  }));
}

/** They were posted as these accounts', under their own identities. */
export async function noteOwned(
  tx: Tx,
  entries: readonly { readonly id: string; readonly owner: { readonly provider: string; readonly account: string } }[],
): Promise<void> {
  if (entries.length === 0) return;
  await tx.query(
    `update postern.bank_lines b set provider = o.provider, account = o.account, reference = b.identity
     from unnest($1::uuid[], $2::text[], $3::text[]) as o (id, provider, account) where b.id = o.id`,
    [
      uuidTextArray(entries.map(({ id }) => id)),
      textArray(entries.map(({ owner }) => owner.provider)),
      textArray(entries.map(({ owner }) => owner.account)),
    ],
  );
}
