import { sign } from '../../../src/providers/stripe/sign.ts';
import type { TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import type { TestGateway } from '../../support/gateway.ts';

export const SECRET = 'whsec_replay_tests_secret';

export type ReplayView = {
  readonly id: string;
  readonly status: string;
  readonly dry_run: boolean;
  readonly total: number | null;
  readonly done: number;
  readonly posted: number;
  readonly unchanged: number;
  readonly deferred: number;
  readonly failed: number;
  readonly note: string | null;
  readonly changes: readonly {
    readonly event: string;
    readonly outcome: string;
    readonly before: Side;
    readonly after: Side;
  }[];
};
type Side = {
  readonly status: string;
  readonly reason: string | null;
  readonly transactions: readonly { id: string | null; effect_key: string; postings?: readonly unknown[] }[];
};

export type Answer<T = ReplayView> = { status: number; location: string | null; body: T };

/** A caller of the API under `/api/v1`, with the admin token. */
export function callerOf(gateway: () => TestGateway) {
  return async <T = ReplayView>(method: string, path: string, body?: unknown): Promise<Answer<T>> => {
    const response = await gateway().api(`/api/v1${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    // `as`: what the test expects of our own API.
    return { status: response.status, location: response.headers.get('location'), body: (await response.json()) as T };
  };
}

/** Resolves with the replay once it is over. */
export async function over(call: ReturnType<typeof callerOf>, id: string): Promise<ReplayView> {
  return eventually(
    async () => {
      const { body } = await call('GET', `/replays/${id}`);
      if (!['done', 'failed', 'cancelled'].includes(body.status))
        throw new Error(`${JSON.stringify(body)} is not over`);
      return body;
    },
    { timeoutMs: 15_000 },
  );
}

/** Signed and sent; resolves with the event's own id. */
export async function deliver(
  gateway: TestGateway,
  database: TestDatabase,
  body: string,
  endpoint = 'main',
): Promise<string> {
  const headers = Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, SECRET, Date.now()));
  const response = await fetch(`${gateway.url}/webhooks/stripe/${endpoint}`, { method: 'POST', body, headers });
  if (response.status !== 200) throw new Error(`answered ${response.status}`);
  const { id: eventId } = JSON.parse(body) as { id: string };
  return eventually(async () => {
    const { rows } = await database.sql.query<{ id: string }>(
      `select id from postern.events where event_id = $1 and status <> 'queued' order by id desc limit 1`,
      [eventId],
    );
    if (rows[0] === undefined) throw new Error(`${eventId} is not worked yet`);
    return rows[0].id;
  });
}

/** As a bug of the worker's would leave it. */
export async function kill(database: TestDatabase, ...ids: readonly string[]): Promise<void> {
  await database.sql.query(
    `update postern.events set status = 'dead', reason = 'rule_failed', error_code = 'rule_failed', error_message = 'made by a test',
       attempts = 10, kills = 2, posted_at = null
     where id = any($1::uuid[])`,
    [ids],
  );
}

/** Takes what these events posted out of the books, as if the rules had known nothing of it. */
export async function unpost(database: TestDatabase, ...ids: readonly string[]): Promise<void> {
  const list = ids.map((id) => `'${id}'`).join(', ');
  const posted = `select id from postern.transactions where source_event in (${list})`;
  const undo = [
    `update postern.balances b set debits = b.debits - s.debits, credits = b.credits - s.credits from (
       select account_id, currency, sum(greatest(amount, 0)) as debits, sum(greatest(-amount, 0)) as credits
       from postern.postings where transaction_id in (${posted}) group by 1, 2) s
     where b.account_id = s.account_id and b.currency = s.currency`,
    `delete from postern.open_items o using postern.postings p where p.transaction_id in (${posted})
       and o.account_id = p.account_id and o.reference = p.reference and o.component = p.component`,
    `delete from postern.postings where transaction_id in (${posted})`,
    `delete from postern.seal where transaction_id in (${posted})`,
    `delete from postern.transactions where source_event in (${list})`,
  ];
  await database.sql.query(`do $$ begin set local session_replication_role = replica; ${undo.join('; ')}; end $$`);
}

/** How often each effect of a charge is in the books. */
export async function captures(database: TestDatabase): Promise<Map<string, number>> {
  const { rows } = await database.sql.query<{ charge: string; count: bigint }>(
    `select split_part(effect_key, ':', 3) as charge, count(*) as count from postern.transactions
     where kind = 'payment.captured' group by 1`,
  );
  return new Map(rows.map(({ charge, count }) => [charge, Number(count)]));
}

/** What a replay may and may not change of an event. */
export async function stateOf(database: TestDatabase, id: string): Promise<Record<string, unknown> | undefined> {
  const { rows } = await database.sql.query(
    `select status, reason, attempts, kills, error_code, error_message, posted_at, next_attempt_at, waiting_for from postern.events where id = $1`,
    [id],
  );
  return rows[0];
}
