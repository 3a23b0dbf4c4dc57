import type { Sql } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';

export type DeadLetters = {
  readonly endpoint: string;
  readonly count: number;
  readonly code: string;
  readonly type?: string;
  /** Minor units of EUR, each. */
  readonly amount?: number;
  readonly receivedAt?: number;
};

/** Dead letters as a worker leaves them, of an endpoint that is there. Their ids, in order. */
export async function makeDeadLetters(sql: Sql, plan: DeadLetters): Promise<string[]> {
  const { count, code, type = 'charge.succeeded', amount = 1000, receivedAt = Date.now() } = plan;
  const ids = Array.from({ length: count }, () => uuidv7(receivedAt));
  const [provider = '', name = ''] = plan.endpoint.split('/');
  await sql.query(
    `with made as (
       insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status, attempts,
         reason, error_code, error_message, amount, currency)
       select g.id, g.id, $2, n.id, 0, 'evt_' || g.id, '', $3, 'a', 'dead', 1, $4, $4, 'it cannot be worked', $5, 'EUR'
       from unnest($1::uuid[]) g (id) cross join postern.endpoints n where n.provider = $6 and n.name = $7
       returning id, amount, currency
     ), at_risk as (
       insert into postern.event_amounts (event_id, currency, amount) select id, currency, amount from made
     )
     insert into postern.event_history (event_id, what, attempt, error_code, error_message)
     select id, 'died', 1, $4, 'it cannot be worked' from made`,
    [ids, new Date(receivedAt), type, code, amount, provider, name],
  );
  return ids;
}
