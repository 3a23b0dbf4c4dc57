import { expect } from 'vitest';
import type { Sql } from '../../src/postgres/sql.ts';
import { eventually } from './eventually.ts';

/** Waits until nothing is queued, and expects each of `ids` posted, once, and the sums of every endpoint right. */
export async function expectPostedOnce(sql: Sql, ids: Iterable<string>, withinMs = 60_000): Promise<void> {
  const asked = [...ids];
  await eventually(
    async () => {
      const { rows } = await sql.query(
        `select a.event_id, e.status, e.error_message from unnest($1::text[]) a (event_id)
         left join postern.events e using (event_id) where e.status is distinct from 'posted' limit 5`,
        [asked],
      );
      expect(rows).toEqual([]);
    },
    { timeoutMs: withinMs, everyMs: 100 },
  );
  const { rows } = await sql.query<{ charge: string; times: bigint }>(
    `select substr(a.event_id, 5) as charge, count(t.id) as times from unnest($1::text[]) a (event_id)
     left join postern.transactions t
       on t.effect_key like 'stripe:%' and split_part(t.effect_key, ':', 3) = 'ch_' || substr(a.event_id, 5)
     group by 1 having count(t.id) <> 1 limit 5`,
    [asked],
  );
  expect(rows).toEqual([]);
  await expectSums(sql);
}

/** Accepted items are events, duplicates and those forgotten; events are the sum over the five states; books balance. */
export async function expectSums(sql: Sql): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await sql.query<
        Record<'accepted' | 'events' | 'duplicates' | 'forgotten' | 'in_states', bigint>
      >(
        `with minutes as (
           select endpoint_id, sum(accepted) as accepted, sum(forgotten) as forgotten from postern.endpoint_minutes group by 1
         ), counted as (
           select endpoint_id, count(*) as events, sum(duplicates) as duplicates,
             count(*) filter (where status in ('queued', 'posted', 'no_effect', 'deferred', 'dead')) as in_states
           from postern.events group by 1
         )
         select coalesce(accepted, 0)::int8 as accepted, coalesce(events, 0) as events, coalesce(duplicates, 0)::int8 as duplicates, coalesce(forgotten, 0)::int8 as forgotten,
           coalesce(in_states, 0) as in_states
         from counted full join minutes using (endpoint_id)`,
        [],
      );
      for (const row of rows) {
        expect(row.accepted).toBe(row.events + row.duplicates + row.forgotten);
        expect(row.in_states).toBe(row.events);
      }
    },
    { timeoutMs: 5_000, everyMs: 100 },
  );
  const unbalanced = await sql.query(
    'select currency, sum(amount)::text as amount from postern.postings group by 1 having sum(amount) <> 0',
    [],
  );
  expect(unbalanced.rows).toEqual([]);
}
