import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

/** Sooner than an instance looks by itself (tokens every 4 s, endpoints every 5 s): what is seen here was announced. */
const ANNOUNCED = { timeoutMs: 3_000 };

let database: TestDatabase;
let here: TestGateway;
let there: TestGateway;

beforeAll(async () => {
  database = await createTestDatabase();
  here = await startTestGateway(database, { work: false });
  there = await startTestGateway(database, { work: false });
  await eventually(async () => {
    const { rows } = await database.sql.query<{ pid: number }>(
      `select pid from pg_stat_activity
       where datname = current_database() and application_name = 'postern listener' and query = 'listen postern_tokens'`,
    );
    expect(rows).toHaveLength(2);
  });
});
afterAll(async () => {
  await here.stop();
  await there.stop();
  await database.drop();
});

const post = (path: string, body: object): Promise<Response> =>
  here.api(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

it('a token revoked at one instance is refused by the other', async () => {
  const made = await post('/api/v1/tokens', { name: 'both', roles: ['ops'] });
  const { id, token } = (await made.json()) as { id: string; token: string };
  const statusThere = async (): Promise<number> =>
    (await fetch(`${there.url}/api/v1/events`, { headers: { authorization: `Bearer ${token}` } })).status;
  await eventually(async () => expect(await statusThere()).toBe(200), ANNOUNCED);

  expect((await here.api(`/api/v1/tokens/${id}`, { method: 'DELETE' })).status).toBe(204);
  await eventually(async () => expect(await statusThere()).toBe(401), ANNOUNCED);
});

it('an endpoint made, then disabled at one instance is served, then refused by the other', async () => {
  const body = { provider: 'stripe', name: 'heard', secrets: ['whsec_0123456789abcdef'] };
  const made = await post('/api/v1/endpoints', body);
  expect(made.status).toBe(201);
  const { id } = (await made.json()) as { id: number };
  // Unsigned: 401 where the endpoint is known, 404 where it is not.
  const statusThere = async (): Promise<number> =>
    (await fetch(`${there.url}/webhooks/stripe/heard`, { method: 'POST', body: '{}' })).status;
  await eventually(async () => expect(await statusThere()).toBe(401), ANNOUNCED);

  const change = { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: '{"disabled":true}' };
  expect((await here.api(`/api/v1/endpoints/${id}`, change)).status).toBe(200);
  await eventually(async () => expect(await statusThere()).toBe(404), ANNOUNCED);
});
