import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { greeted, type Launched, launch, run } from '../support/launcher.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

const ADMIN = 'an-admin-token-for-tests-only';
const SECRET = 'whsec_traces_tests_secret';
const THEIRS = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  header: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
};
const SERVER = 2;
const PRODUCER = 4;
const CONSUMER = 5;

type SentSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  attributes: { key: string; value: Record<string, unknown> }[];
  links?: { traceId: string }[];
};

let database: TestDatabase;
let folder: string;
let collector: Server;
let sent: { spans: SentSpan[]; text: string[] };
let launched: Launched | null;

beforeEach(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-traces-'));
  sent = { spans: [], text: [] };
  launched = null;
  // Takes what the protocol sends, in its JSON form.
  collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const body = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] };
      sent.text.push(text);
      sent.spans.push(...body.resourceSpans.flatMap((one) => one.scopeSpans.flatMap(({ spans }) => spans)));
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  launched?.child.kill('SIGTERM');
  await launched?.ended;
  await new Promise((resolve) => collector.close(resolve));
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

const collectorUrl = () => `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
const environment = () => ({
  DATABASE_URL: database.url,
  POSTERN_DATA_DIR: folder,
  POSTERN_ENCRYPTION_KEYS: TEST_KEYS,
  POSTERN_ADMIN_TOKEN: ADMIN,
  PORT: '0',
});

async function start(env: Record<string, string>): Promise<string> {
  const added = await run(['endpoint', 'add', 'stripe', 'main', '--secret', SECRET], environment());
  expect(added.status).toBe(0);
  launched = launch(['start'], { ...environment(), ...env });
  return greeted(launched);
}

const traced = () => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl(),
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '100',
  OTEL_SERVICE_NAME: 'postern-under-test',
});

async function deliver(url: string, n: number, headers: Record<string, string> = {}): Promise<number> {
  const body = chargeSucceeded(n);
  const signed = Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, SECRET, Date.now()));
  return (await fetch(`${url}/webhooks/stripe/main`, { method: 'POST', body, headers: { ...signed, ...headers } }))
    .status;
}

type EventView = { id: string; status: string; trace_id: string | null };
const asAdmin = { authorization: `Bearer ${ADMIN}` };
async function posted(url: string, count: number): Promise<EventView[]> {
  return eventually(async () => {
    const response = await fetch(`${url}/api/v1/events?status=posted`, { headers: asAdmin });
    const { items } = (await response.json()) as { items: EventView[] };
    expect(items).toHaveLength(count);
    return items;
  });
}
const attribute = (span: SentSpan | undefined, key: string) =>
  Object.values(span?.attributes.find((one) => one.key === key)?.value ?? {})[0];

it('goes from the request over the queue to the worker; its id is on the event and in every line of the request', async () => {
  const url = await start(traced());
  expect(await deliver(url, 1, { traceparent: THEIRS.header })).toBe(200);
  const [event] = await posted(url, 1);
  const traceId = event?.trace_id ?? '';
  expect(traceId).toMatch(/^[0-9a-f]{32}$/);
  const spans = await eventually(() => {
    const mine = sent.spans.filter((span) => span.traceId === traceId);
    expect(mine).toHaveLength(3);
    return mine;
  });
  const [server, producer, consumer] = [SERVER, PRODUCER, CONSUMER].map((kind) => spans.find((s) => s.kind === kind));
  expect(server).toMatchObject({ name: 'POST /webhooks/:provider/:endpoint' });
  expect(server?.parentSpanId ?? '').toBe('');
  // A stranger's trace is told, and not gone on with: they would decide what of ours is kept.
  expect(traceId).not.toBe(THEIRS.traceId);
  expect(server?.links?.map((link) => link.traceId)).toEqual([THEIRS.traceId]);
  expect(attribute(server, 'postern.outcome')).toBe('accepted');
  expect(producer).toMatchObject({ name: 'events publish', parentSpanId: server?.spanId });
  expect(consumer).toMatchObject({ name: 'events process', parentSpanId: producer?.spanId });
  expect(attribute(consumer, 'postern.event')).toBe(event?.id);
  expect(attribute(consumer, 'postern.outcome')).toBe('posted');
  const lines = (launched?.out() ?? '').split('\n').filter((line) => line.includes('"reqId"'));
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line).toMatch(/"trace_id":"[0-9a-f]{32}"/);
  expect(lines.filter((line) => line.includes(`"trace_id":"${traceId}"`))).toHaveLength(1);
  expect(sent.text.join('')).toContain('postern-under-test');
  expect(sent.text.join('')).not.toMatch(/whsec_|an-admin-token|charge\.succeeded"/);
}, 60_000);

it('goes on with the trace of who calls the API with a token', async () => {
  const url = await start(traced());
  await fetch(`${url}/api/v1/events`, { headers: { ...asAdmin, traceparent: THEIRS.header } });
  await eventually(() => {
    const span = sent.spans.find(({ name }) => name === 'GET /api/v1/events');
    expect(span).toMatchObject({ traceId: THEIRS.traceId, parentSpanId: '00f067aa0ba902b7' });
  });
}, 60_000);

it('changes nothing where the collector is away, and what a stop cannot send does not hold it up', async () => {
  const url = await start({ ...traced(), OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
  for (const n of [1, 2, 3]) expect(await deliver(url, n)).toBe(200);
  expect((await posted(url, 3)).every(({ trace_id: id }) => id !== null)).toBe(true);
  const told = performance.now();
  launched?.child.kill('SIGTERM');
  expect(await launched?.ended).toMatchObject({ status: 0 });
  expect(performance.now() - told).toBeLessThan(10_000);
}, 60_000);

it('is off unless it is asked for: no id on the event, none in a line', async () => {
  const url = await start({});
  expect(await deliver(url, 1, { traceparent: THEIRS.header })).toBe(200);
  expect((await posted(url, 1))[0]?.trace_id).toBeNull();
  expect(launched?.out()).not.toContain('trace_id');
  expect(sent.spans).toEqual([]);
}, 60_000);
