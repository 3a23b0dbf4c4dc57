import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uuidv7 } from '../../src/uuid.ts';
import { captured, openBooks } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

/**
 * Every route that changes something is called here, and must leave an entry with its actor. A route that is not in the list
 * fails the test: whoever adds one adds its call.
 */
type Call = {
  readonly params?: (made: Made) => Record<string, string>;
  readonly body?: unknown;
  /** Of a file that is handed in. */
  readonly file?: string;
  readonly query?: string;
  readonly action: string;
  /** Made by this call for those after it. */
  readonly keep?: (answer: Record<string, unknown>) => Partial<Made>;
};
type Made = {
  endpoint: string;
  secret: string;
  backfill: string;
  replay: string;
  dismissal: string;
  dead: string;
  token: string;
  transaction: string;
  posted: string;
  discrepancy: string;
};

const SECRET = 'whsec_audited_routes_secret';
const REASON = 'asked for by finance';
const TRANSFER = { source_account_id: 'a', destination_account_id: 'b', amount: '5.00', currency: 'EUR' };
const AN_HOUR_MS = 3_600_000;
const now = Date.now();

/** In this order: later ones stand on what earlier ones made. */
const CALLS: Readonly<Record<string, Call>> = {
  'POST /endpoints': {
    body: {
      provider: 'stripe',
      name: 'walked',
      secrets: [SECRET],
      settings: { account: 'acct_1', api_key: 'rk_test_walked_key', backfill_every_s: 0 },
    },
    action: 'endpoint.create',
    keep: ({ id }) => ({ endpoint: String(id) }),
  },
  'PATCH /endpoints/{id}': {
    params: ({ endpoint }) => ({ id: endpoint }),
    body: { disabled: true },
    action: 'endpoint.update',
  },
  'POST /endpoints/{id}/secrets': {
    params: ({ endpoint }) => ({ id: endpoint }),
    body: { secret: `${SECRET}_next` },
    action: 'secret.create',
    keep: ({ id }) => ({ secret: String(id) }),
  },
  'DELETE /endpoints/{id}/secrets/{secret_id}': {
    params: ({ endpoint, secret }) => ({ id: endpoint, secret_id: secret }),
    action: 'secret.delete',
  },
  'POST /endpoints/{id}/backfill': {
    params: ({ endpoint }) => ({ id: endpoint }),
    body: { from: new Date(now - AN_HOUR_MS).toISOString(), to: new Date(now).toISOString(), dry_run: true },
    action: 'backfill.create',
    keep: ({ id }) => ({ backfill: String(id) }),
  },
  'POST /settlements/fetch': {
    body: {
      endpoint: 'stripe/walked',
      from: new Date(now - AN_HOUR_MS).toISOString(),
      to: new Date(now).toISOString(),
    },
    action: 'settlement.fetch',
  },
  'DELETE /backfills/{id}': { params: ({ backfill }) => ({ id: backfill }), action: 'backfill.cancel' },
  'POST /events/{id}/replay': {
    params: ({ dead }) => ({ id: dead }),
    body: { reason: REASON },
    action: 'replay.create',
    keep: ({ id }) => ({ replay: String(id) }),
  },
  'DELETE /replays/{id}': { params: ({ replay }) => ({ id: replay }), action: 'replay.cancel' },
  'POST /replays': { body: { filter: { status: 'dead' }, reason: REASON, dry_run: true }, action: 'replay.create' },
  'POST /events/{id}/dismiss': {
    params: ({ dead }) => ({ id: dead }),
    body: { reason: REASON },
    action: 'event.dismiss',
  },
  'POST /dismissals': {
    body: { filter: { status: 'dead' }, reason: REASON },
    action: 'dismissal.create',
    keep: ({ id }) => ({ dismissal: String(id) }),
  },
  'DELETE /dismissals/{id}': { params: ({ dismissal }) => ({ id: dismissal }), action: 'dismissal.cancel' },
  'POST /queue/{name}/pause': { params: () => ({ name: 'events' }), body: { reason: REASON }, action: 'queue.pause' },
  'POST /queue/{name}/resume': { params: () => ({ name: 'events' }), body: { reason: REASON }, action: 'queue.resume' },
  'POST /queue/{name}/drain': { params: () => ({ name: 'events' }), body: { reason: REASON }, action: 'queue.drain' },
  'POST /quarantine/recheck': { body: { endpoint: 'stripe/kept' }, action: 'quarantine.recheck' },
  'DELETE /endpoints/{id}': { params: ({ endpoint }) => ({ id: endpoint }), action: 'endpoint.delete' },
  'POST /tokens': {
    body: { name: 'walked', roles: ['monitor'] },
    action: 'token.create',
    keep: ({ id }) => ({ token: String(id) }),
  },
  'DELETE /tokens/{id}': { params: ({ token }) => ({ id: token }), action: 'token.revoke' },
  'POST /transactions': {
    body: { transaction: TRANSFER, idempotencyKey: 'walked' },
    action: 'transaction.transfer',
  },
  'POST /transactions/{id}/refund': {
    params: ({ transaction }) => ({ id: transaction }),
    body: { amount: '2.00', idempotencyKey: 'walked back' },
    action: 'transaction.refund',
  },
  'POST /transactions/{id}/reverse': {
    params: ({ posted }) => ({ id: posted }),
    body: { reason: REASON },
    action: 'ledger.reverse',
  },
  'PATCH /accounts/{id}': {
    params: () => ({ id: 'a' }),
    body: { overdraft: 'refused' },
    action: 'account.overdraft',
  },
  // Rows that cannot be read: what is right is made final behind the answer.
  'POST /settlements': {
    query: '?provider=stripe&endpoint=kept',
    file: `balance_transaction_id,created,currency,gross,fee,net,reporting_category,automatic_payout_id,source_id\ntxn_1,yesterday,usd,1.00,0.00,1.00,charge,po_1,ch_1\n`,
    action: 'settlement.fail',
  },
  'POST /bank-statements': {
    file: `:20:WALKED\r\n:25:DE89370400440532013000\r\n:28C:1/1\r\n:60F:C260201EUR100,00\r\n:61:2602010201C11,65NMSCNONREF\r\n:86:STRIPE PAYOUT\r\n:62F:C260201EUR111,65\r\n-\r\n`,
    action: 'bank_statement.import',
  },
  'POST /discrepancies/{id}/actions': {
    params: ({ discrepancy }) => ({ id: discrepancy }),
    body: { action: 'note', note: REASON },
    action: 'discrepancy.note',
  },
  'POST /discrepancies/actions': {
    body: { filter: { provider: 'stripe' }, action: { action: 'assign', assignee: 'ada' } },
    action: 'discrepancies.assign',
  },
  'POST /accounts/{id}/reconcile': { params: () => ({ id: 'b' }), action: 'account.reconcile' },
};

let database: TestDatabase;
let gateway: TestGateway;
let made: Made;

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database, { work: false, env: { ACK_DEADLINE_MS: '20000' } });
  const [result] = await openBooks(database).post([captured('walked', 500n)]);
  if (result?.kind !== 'posted') throw new Error('not posted');
  const posted = result.transactions[0] ?? '';
  const dead = await giveDeadEvent();
  made = {
    endpoint: '',
    secret: '',
    backfill: '',
    replay: '',
    dismissal: '',
    dead,
    token: '',
    transaction: '',
    posted,
    discrepancy: await giveDiscrepancy(),
  };
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

/** Of an endpoint that is not the one walked through, which is deleted on the way. */
async function giveDeadEvent(): Promise<string> {
  const id = uuidv7(now);
  await database.sql.query(
    `with kept as (insert into postern.endpoints (provider, name, account, settings) values ('stripe', 'kept', 'acct_1', '{}') returning id)
     insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status, error_code)
     select $1, $1, $2, kept.id, 0, 'evt_dead', '\\x00', 'charge.succeeded', 'acct_1', 'dead', 'rule_failed' from kept`,
    [id, new Date(now)],
  );
  return id;
}

async function giveDiscrepancy(): Promise<string> {
  const id = uuidv7(now);
  await database.sql.query(
    `insert into postern.discrepancies (id, fingerprint, class, in_proof, provider, account, reference, currency, delta, occurred_at)
     values ($1, 'walked', 'unparsed_line', false, 'stripe', 'acct_1', 'file.csv', 'EUR', 0, now())`,
    [id],
  );
  return id;
}

type Entry = { action: string; actor: string; subject: string; reason: string | null; details: unknown };

async function entriesAfter(id: bigint): Promise<Entry[]> {
  const { rows } = await database.sql.query<Entry>(
    'select action, actor, subject, reason, details from postern.audit_log where id > $1 order by id',
    [id],
  );
  return rows;
}
async function lastEntry(): Promise<bigint> {
  const { rows } = await database.sql.query<{ id: bigint | null }>('select max(id) as id from postern.audit_log');
  return rows[0]?.id ?? 0n;
}

async function call(route: string, token: string | null = null): Promise<Response> {
  const [method = '', pattern = ''] = route.split(' ');
  const { params, body, file, query = '' } = CALLS[route] ?? {};
  const path = Object.entries(params?.(made) ?? {}).reduce(
    (text, [name, value]) => text.replace(`{${name}}`, encodeURIComponent(value)),
    pattern,
  );
  return gateway.api(`/api/v1${path}${query}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(file === undefined ? {} : { body: file }),
  });
}

async function changingRoutes(): Promise<string[]> {
  const { paths } = (await (await gateway.api('/api/v1/openapi.json')).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  return Object.entries(paths)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
    .filter((route) => !/^(GET|HEAD|OPTIONS) /.test(route))
    .map((route) => route.replace('/api/v1/', '/'));
}

describe('every route that changes something', () => {
  it('is in the list of this test', async () => {
    expect((await changingRoutes()).sort()).toEqual(Object.keys(CALLS).sort());
  });

  it('leaves nothing in the audit log for who may not call it', async () => {
    const before = await lastEntry();
    for (const route of Object.keys(CALLS)) expect((await call(route, 'pst_nobody')).status).toBe(401);
    expect(await entriesAfter(before)).toEqual([]);
  });

  it.each(Object.entries(CALLS))('%s leaves one entry with its actor', async (route, { body, action, keep }) => {
    if (route.includes('/refund')) made = { ...made, transaction: await transferred() };
    const before = await lastEntry();
    const response = await call(route);
    const text = await response.text();
    expect([200, 201, 202, 204], text).toContain(response.status);
    if (keep !== undefined) made = { ...made, ...keep(JSON.parse(text) as Record<string, unknown>) };
    const entries = await entriesAfter(before);
    expect(entries.map((entry) => entry.action)).toEqual([action]);
    const [entry] = entries;
    expect(entry?.actor).toMatch(/^token:/);
    expect(entry?.subject).toMatch(/^[a-z_]+:.+/);
    // A reason that was asked for is kept.
    const asked = typeof body === 'object' && body !== null && 'reason' in body ? REASON : null;
    expect(entry?.reason).toBe(asked);
    expect(JSON.stringify(entry)).not.toMatch(/whsec_|rk_test_|pst_/);
  });
});

async function transferred(): Promise<string> {
  const { rows } = await database.sql.query<{ transaction_id: string }>(
    `select transaction_id from postern.requests where idempotency_key = 'walked'`,
  );
  return rows[0]?.transaction_id ?? '';
}
