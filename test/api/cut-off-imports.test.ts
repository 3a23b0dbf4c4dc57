import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN, startTestGateway, type TestGateway } from '../support/gateway.ts';

let database: TestDatabase;
let gateway: TestGateway;
beforeEach(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database);
  await gateway.addEndpoint('stripe', 'main', ['whsec_settlements']);
});
afterEach(async () => {
  await gateway.stop();
  await database.drop();
});

const HEADER =
  'balance_transaction_id,created,available_on,currency,gross,fee,net,reporting_category,description,automatic_payout_id,source_id,customer_facing_amount,customer_facing_currency\n';
const LINES = 3_000;
/** More than the head that is read to know it, and whole lines wherever one is cut. */
const REPORT =
  HEADER +
  Array.from(
    { length: LINES },
    (_, n) => `txn_${n},2026-02-01 12:00:00,2026-02-03 00:00:00,usd,12.00,0.35,11.65,charge,A,po_1,ch_${n},12.00,usd\n`,
  ).join('');
const CUT = REPORT.lastIndexOf('\n', REPORT.length / 2) + 1;
const STATEMENT = [
  ...[':20:ONE', ':25:DE89370400440532013000', ':28C:1/1', ':60F:C260201EUR100,00'],
  ...Array.from({ length: 2_000 }, () => [':61:2602010201C1,00NMSCNONREF', ':86:STRIPE PAYOUT']).flat(),
  ...[':62F:C260201EUR2100,00', '-', ''],
].join('\r\n');

const BORDER = 'border-of-a-form';
const form = (text: string): string =>
  `--${BORDER}\r\ncontent-disposition: form-data; name="file"; filename="cut.csv"\r\ncontent-type: text/csv\r\n\r\n${text}`;

/** Begins a request of which not all will come. */
async function begin(path: string, type: string, sent: string, length: number | null): Promise<Socket> {
  const { port, hostname } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: gateway.test',
    `authorization: Bearer ${ADMIN_TOKEN}`,
    `content-type: ${type}`,
    length === null ? 'transfer-encoding: chunked' : `content-length: ${length}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  socket.write(length === null ? `${sent.length.toString(16)}\r\n${sent}\r\n` : sent);
  return socket;
}

type Trace = { statuses: string[]; notes: (string | null)[]; lines: number; posted: number; staged: number };

async function trace(): Promise<Trace> {
  const { rows } = await database.sql.query<Trace>(
    `select coalesce((select array_agg(status order by id) from postern.settlements), '{}') as statuses,
       coalesce((select array_agg(note order by id) from postern.settlements), '{}') as notes,
       (select count(*)::int4 from postern.settlement_lines) + (select count(*)::int4 from postern.bank_lines)
         + (select count(*)::int4 from postern.bank_statements) as lines,
       (select count(*)::int4 from postern.transactions) as posted,
       (select count(*)::int4 from pg_class where relname ~ '^staged_[0-9a-f]{32}$') as staged`,
  );
  return rows[0] ?? { statuses: [], notes: [], lines: -1, posted: -1, staged: -1 };
}

const REPORTS = '/api/v1/settlements?provider=stripe&endpoint=main';
const HALF = REPORT.slice(0, CUT);
const NOTHING = { lines: 0, posted: 0, staged: 0 };

/** What the only import there is says of itself, once it is over. */
async function ended(): Promise<Record<string, unknown>> {
  return eventually(async () => {
    const { items } = (await (await gateway.api('/api/v1/settlements')).json()) as { items: { id: string }[] };
    expect(items).toHaveLength(1);
    const view = (await (await gateway.api(`/api/v1/settlements/${items[0]?.id}`)).json()) as Record<string, unknown>;
    expect(view.status).not.toBe('importing');
    return view;
  });
}

describe('a report whose request is cut off in its middle', () => {
  it.each([
    ['with a length', 'text/csv', HALF, REPORT.length],
    ['in chunks', 'text/csv', HALF, null],
    ['in a form', `multipart/form-data; boundary=${BORDER}`, form(HALF), REPORT.length],
    ['in a form, in chunks', `multipart/form-data; boundary=${BORDER}`, form(HALF), null],
  ])('%s leaves nothing half done, and says why', async (_, type, sent, length) => {
    const socket = await begin(REPORTS, type, sent, length);
    await eventually(async () => expect((await trace()).statuses).toEqual(['importing']));
    socket.destroy();
    expect(await ended()).toMatchObject({ status: 'failed', note: expect.stringMatching(/broke off/), lines_new: 0 });
    expect(await trace()).toMatchObject(NOTHING);
  });
});

it('a form that ends before its border does is refused, and leaves nothing half done', async () => {
  const response = await gateway.api(REPORTS, {
    method: 'POST',
    body: form(HALF),
    headers: { 'content-type': `multipart/form-data; boundary=${BORDER}` },
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ detail: expect.stringMatching(/broke off/) });
  expect(await ended()).toMatchObject({ status: 'failed' });
  expect(await trace()).toMatchObject(NOTHING);
});

describe('an upload that stands still', () => {
  const FORM = `multipart/form-data; boundary=${BORDER}`;
  const ENTRIES = '/api/v1/bank-statements';

  async function limitIdleness(uploadIdleMs: number): Promise<void> {
    await gateway.stop();
    gateway = await startTestGateway(database, { uploadIdleMs });
  }

  /** All that is answered until the connection is closed from there. */
  async function answerOn(socket: Socket): Promise<string> {
    let answer = '';
    socket.on('data', (chunk) => {
      answer += String(chunk);
    });
    await once(socket, 'close');
    return answer;
  }

  it.each([
    ['a report in chunks', REPORTS, 'text/csv', HALF, null],
    ['a report in a form', REPORTS, FORM, form(HALF), REPORT.length],
    ['a report of which nothing came', REPORTS, 'text/csv', '', REPORT.length],
    ['a bank statement in a form', ENTRIES, FORM, form(STATEMENT.slice(0, -100)), form(STATEMENT).length],
  ])('is answered 408, and leaves nothing half done: %s', async (_, path, type, sent, length) => {
    await limitIdleness(200);
    const answer = await answerOn(await begin(path, type, sent, length));
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 408 /);
    expect(head).toMatch(/\r\ncontent-type: application\/problem\+json/i);
    expect(head).toMatch(/\r\nconnection: close/i);
    expect(JSON.parse(body)).toMatchObject({ status: 408, detail: expect.stringMatching(/no more came for 0.2 s/) });
    const { statuses, notes, ...left } = await trace();
    expect(left).toEqual(NOTHING);
    // What is not known yet to be a report leaves no import at all.
    expect(statuses).toEqual(notes.map(() => 'failed'));
    for (const note of notes) expect(note).toMatch(/broke off after \d+ bytes/);
  });

  it('makes room for the next ones', async () => {
    await limitIdleness(2_000);
    const still = await Promise.all([1, 2].map(() => begin(REPORTS, 'text/csv', HALF, REPORT.length)));
    const answers = await Promise.all(still.map(answerOn));
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    const whole = await gateway.api(REPORTS, { method: 'POST', body: REPORT, headers: { 'content-type': 'text/csv' } });
    expect(whole.status).toBe(202);
    expect((await trace()).statuses).toEqual(['failed', 'failed', expect.stringMatching(/^import/)]);
  });
});

it('a report that takes longer than an upload may is answered 408, and leaves nothing half done', async () => {
  const { app } = gateway.gateway;
  if (app === null) throw new Error('it serves');
  // Node takes the longer of the two for the request.
  app.server.headersTimeout = 500;
  app.server.requestTimeout = 500;
  const socket = await begin(REPORTS, 'text/csv', HALF, REPORT.length);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += String(chunk);
  });
  await once(socket, 'close');
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(await ended()).toMatchObject({ status: 'failed', note: expect.stringMatching(/broke off/) });
  expect(await trace()).toMatchObject(NOTHING);
});

it('a bank statement whose request is cut off leaves nothing at all', async () => {
  const socket = await begin('/api/v1/bank-statements', 'text/plain', STATEMENT.slice(0, -100), STATEMENT.length);
  socket.destroy();
  await once(socket, 'close');
  const whole = await gateway.api('/api/v1/bank-statements', { method: 'POST', body: STATEMENT });
  expect(whole.status).toBe(201);
  expect((await trace()).statuses).toEqual([]);
  const { rows } = await database.sql.query('select status, entries_new from postern.bank_statements');
  expect(rows).toEqual([{ status: 'imported', entries_new: 2_000n }]);
});
