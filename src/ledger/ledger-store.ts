import { PosternError } from '../errors.ts';
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
import type { Entry, Leg } from './entry.ts';
import type { Source } from './source.ts';

/** An entry on its way into the ledger, and what led to it. `zone`: in whose days its books are kept; null: UTC. */
export type ToldEntry = { readonly source: Source; readonly zone: string | null; readonly entry: Entry };

/** A transaction that stood under an entry's key already. */
export type Taken = { readonly id: string; readonly existing: string; readonly same: boolean };

/** The one way in: a function that owns the right to write, because the running role may only read. */
export async function postEntries(
  tx: Tx,
  entries: readonly ToldEntry[],
  accountId: (path: string) => number,
  ruleVersion: number,
): Promise<Taken[]> {
  const lines = entries.flatMap((e) => e.entry.legs.map((l, n) => ({ transaction: e.entry.id, line: n, ...l })));
  const result = await tx.query<Taken>(
    {
      name: 'ledger-post',
      text: `select id, existing, same from postern.ledger_record($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::timestamptz[],
        $6::text[], $7::int2[], $8::uuid[], $9::uuid[], $10::uuid[], $11::uuid[], $12::text[],
        $13::uuid[], $14::int2[], $15::int4[], $16::text[], $17::int8[], $18::text[], $19::text[])`,
    },
    [
      uuidTextArray(entries.map((e) => e.entry.id)),
      textArray(entries.map((e) => e.entry.effectKey)),
      byteaArray(entries.map((e) => e.entry.content)),
      textArray(entries.map((e) => e.entry.kind)),
      timestamptzArray(entries.map((e) => e.entry.at)),
      orNull(
        textArray,
        entries.map((e) => e.zone),
      ),
      int2Array(entries.map(() => ruleVersion)),
      uuidTextArray(entries.map((e) => e.entry.reverses)),
      uuidTextArray(entries.map((e) => e.source.event)),
      orNull(
        uuidTextArray,
        entries.map((e) => e.source.line),
      ),
      orNull(
        uuidTextArray,
        entries.map((e) => e.source.request),
      ),
      orNull(
        textArray,
        entries.map((e) => e.source.cause),
      ),
      uuidTextArray(lines.map((l) => l.transaction)),
      int2Array(lines.map((l) => l.line)),
      int4Array(lines.map((l) => accountId(l.account.path))),
      textArray(lines.map((l) => l.currency)),
      int8Array(lines.map((l) => l.amount)),
      textArray(lines.map((l) => l.reference)),
      textArray(lines.map((l) => l.component)),
    ],
  );
  return result.rows;
}

/** Most batches have none of some kind: Postgres is then spared an array of nulls. */
function orNull<T>(array: (items: readonly (T | null)[]) => Buffer, items: readonly (T | null)[]): Buffer | null {
  return items.every((item) => item === null) ? null : array(items);
}

/** Makes accounts that are not there yet, and returns the ids of all. `fresh`: made in this transaction, not yet committed. */
export async function openAccounts(
  tx: Tx,
  accounts: readonly AccountRef[],
): Promise<{ id: number; path: string; fresh: boolean }[]> {
  const result = await tx.query<{ id: number; path: string; fresh: boolean }>(
    'select id, path, fresh from postern.ledger_open_accounts($1::text[], $2::text[], $3::boolean[])',
    [accounts.map((a) => a.path), accounts.map((a) => a.type), accounts.map((a) => a.openItem)],
  );
  return result.rows;
}

/**
 * Waits for whoever posts on these references: in one order, before anything else of the ledger is touched. What `shared`
 * names comes first, and is held beside others: who waits for one that holds it alone holds nothing that one could want.
 */
export async function lockReferences(
  tx: Tx,
  references: readonly string[],
  shared: readonly string[] = [],
): Promise<void> {
  await tx.query(
    {
      name: 'ledger-lock-references',
      text: `select case when beside then pg_advisory_xact_lock_shared(h) else pg_advisory_xact_lock(h) end from (
        select distinct true as beside, hashtextextended(r, 0) as h from unnest($2::text[]) as r
        union all
        select distinct false, hashtextextended(r, 0) from unnest($1::text[]) as r
        order by 1 desc, 2
      ) as locks`,
    },
    [textArray(references), textArray(shared)],
  );
}

/** Alone what others share: waits for all of them, and they for the end of this transaction. */
export async function lockAlone(tx: Tx, shared: string): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [shared]);
}

/** An effect that stands, and the prefix it was found under. */
export type StandingEffect = { readonly prefix: string; readonly effectKey: string; readonly id: string };

const EFFECTS_A_PAYMENT_MAX = 1_000;

/**
 * The effects that stand under these prefixes (each ends in a colon).
 * @throws PosternError `rule_failed` where there are too many: a total read from a part of them would be wrong.
 */
export async function effectsUnder(tx: Tx, prefixes: readonly string[]): Promise<StandingEffect[]> {
  const result = await tx.query<{ n: number; effect_key: string; id: string }>(
    {
      name: 'ledger-effects-under',
      text: `select p.n::int4 as n, t.effect_key, t.id
        from unnest($1::text[], $2::text[]) with ordinality as p (low, high, n)
        cross join lateral (
          select t.effect_key, t.id from postern.transactions t
          where t.effect_key >= p.low collate "C" and t.effect_key < p.high collate "C"
          limit ${EFFECTS_A_PAYMENT_MAX}
        ) as t`,
    },
    // ';' follows ':' in the order of bytes.
    [textArray(prefixes), textArray(prefixes.map((p) => `${p.slice(0, -1)};`))],
  );
  const counts = new Map<number, number>();
  return result.rows.map((row) => {
    const prefix = prefixes[row.n - 1] ?? '';
    const count = (counts.get(row.n) ?? 0) + 1;
    counts.set(row.n, count);
    if (count >= EFFECTS_A_PAYMENT_MAX) {
      throw new PosternError('rule_failed', `${prefix} has ${count} effects or more: it is for a person to look at`);
    }
    return { prefix, effectKey: row.effect_key, id: row.id };
  });
}

/** What is open on these references of one account, by reference and currency. */
export async function openOn(
  tx: Tx,
  path: string,
  references: readonly string[],
): Promise<{ reference: string; currency: string; amount: bigint }[]> {
  const result = await tx.query<{ reference: string; currency: string; amount: bigint }>(
    {
      name: 'ledger-open-on',
      text: `select o.reference, o.currency, o.amount from postern.open_items o
        where o.account_id = (select id from postern.accounts where path = $1) and o.reference = any ($2::text[])`,
    },
    [path, textArray(references)],
  );
  return result.rows;
}

/** A line of the ledger as it stands, as the leg it was made from. */
type LineRow = {
  path: string;
  type: AccountRef['type'];
  open_item: boolean;
  currency: string;
  amount: bigint;
  reference: string | null;
  component: string | null;
};

const lineOf = ({ path, type, open_item, currency, amount, reference, component }: LineRow): Leg => ({
  account: { path, type, openItem: open_item },
  currency,
  amount,
  reference,
  component,
});

/** The lines of transactions, as they stand. */
export async function linesOf(
  tx: Tx,
  transactionIds: readonly string[],
): Promise<{ transactionId: string; line: Leg }[]> {
  const result = await tx.query<LineRow & { transaction_id: string }>(
    {
      name: 'ledger-lines-of',
      text: `select p.transaction_id, a.path, a.type, a.open_item, p.currency, p.amount, p.reference, p.component
        from postern.postings p join postern.accounts a on a.id = p.account_id
        where p.transaction_id = any ($1::uuid[]) order by p.transaction_id, p.line`,
    },
    [uuidTextArray(transactionIds)],
  );
  return result.rows.map((row) => ({ transactionId: row.transaction_id, line: lineOf(row) }));
}

/** The lines of every capture of these payments that was not reversed; `pending` is the path of their account. */
export async function capturesOf(
  tx: Tx,
  pending: string,
  payments: readonly string[],
): Promise<{ payment: string; effectKey: string; line: Leg }[]> {
  const result = await tx.query<LineRow & { payment: string; effect_key: string }>(
    {
      name: 'ledger-captures-of',
      text: `select c.payment, c.effect_key, a.path, a.type, a.open_item, p.currency, p.amount, p.reference, p.component
        from unnest($2::text[]) as r (payment)
        cross join lateral (
          select r.payment, t.id, t.effect_key from postern.postings g
          join postern.transactions t on t.id = g.transaction_id
          where g.reference = r.payment and g.component = 'gross' and t.kind = 'payment.captured'
            and g.account_id = (select id from postern.accounts where path = $1)
            and not exists (select from postern.transactions u where u.reverses = t.id)
          limit ${EFFECTS_A_PAYMENT_MAX}
        ) as c
        join postern.postings p on p.transaction_id = c.id
        join postern.accounts a on a.id = p.account_id`,
    },
    [pending, textArray(payments)],
  );
  return result.rows.map((row) => ({ payment: row.payment, effectKey: row.effect_key, line: lineOf(row) }));
}

/** What transactions that were posted by an older rule debit, by currency. */
export async function debitsByOlderRule(
  tx: Tx,
  transactionIds: readonly string[],
  ruleVersion: number,
): Promise<{ id: string; currency: string; debits: bigint }[]> {
  const result = await tx.query<{ id: string; currency: string; debits: string }>(
    `select t.id, p.currency, sum(p.amount)::text as debits
     from postern.transactions t join postern.postings p on p.transaction_id = t.id and p.amount > 0
     where t.id = any ($1::uuid[]) and t.rule_version < $2 group by 1, 2`,
    [uuidTextArray(transactionIds), ruleVersion],
  );
  return result.rows.map((row) => ({ ...row, debits: BigInt(row.debits) }));
}

/** Links events to the transactions that another event had posted already. */
export async function noteEvidence(
  tx: Tx,
  links: readonly { transactionId: string; eventId: string }[],
): Promise<void> {
  await tx.query('select postern.ledger_note_evidence($1::uuid[], $2::uuid[])', [
    uuidTextArray(links.map((l) => l.transactionId)),
    uuidTextArray(links.map((l) => l.eventId)),
  ]);
}

export async function noteConflicts(
  tx: Tx,
  conflicts: readonly { effectKey: string; eventId: string; told: unknown }[],
): Promise<void> {
  await tx.query('select postern.ledger_note_conflicts($1::text[], $2::uuid[], $3::jsonb[])', [
    conflicts.map((c) => c.effectKey),
    conflicts.map((c) => c.eventId),
    conflicts.map((c) => JSON.stringify(c.told)),
  ]);
}
