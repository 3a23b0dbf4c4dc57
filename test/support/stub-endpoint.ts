import { createHash } from 'node:crypto';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import type { Delivery, IncomingEvent } from '../../src/ingest/delivery.ts';
import type { Sql } from '../../src/postgres/sql.ts';
import type { Provider, ProviderMatrixRow } from '../../src/providers/provider.ts';
import { uuidv7Bytes } from '../../src/uuid.ts';

/**
 * A provider without signatures for tests of what comes after verification: the body is `{"events":[{"id","type","content",
 * "noise"}]}`, and content is what counts.
 */
export const stubProvider: Provider = {
  name: 'stub',
  title: 'Stub',
  facts: { retryHorizonHours: 72, dedupHorizonDays: null, documentation: [], matrix: noMatrix() },
  secretHeaders: [],
  signatureHeader: null,
  normaliserVersion: 1,
  checkSettings: () => [],
  checkSecret: () => null,
  verify: () => ({ kind: 'authentic', level: 'body', secretId: null }),
  identify(request) {
    const { events } = JSON.parse(request.body.toString('utf8')) as { events: StubEvent[] };
    return {
      kind: 'events',
      events: events.map((event, item) => ({
        item,
        id: event.id,
        idSigned: event.idSigned ?? true,
        transmissionId: event.transmissionId ?? null,
        type: event.type ?? 'stub',
        apiVersion: null,
        live: null,
        account: null,
        occurredAt: null,
        fingerprint: () => fingerprintOf(event),
      })),
    };
  },
  normalise: () => ({ kind: 'no_effect', reason: 'stub', references: [], amount: null }),
  acknowledge: (outcome) => ({ status: outcome.kind === 'accepted' ? 200 : 401, headers: {}, body: null }),
};

export type StubEvent = {
  id: string;
  type?: string;
  content?: string;
  noise?: string;
  idSigned?: boolean;
  transmissionId?: string;
};

function fingerprintOf(event: StubEvent): Buffer {
  return createHash('sha256')
    .update(`${event.id}:${event.content ?? ''}`)
    .digest();
}

/** An endpoint row in the database, with the stub behind it. */
export async function makeStubEndpoint(sql: Sql, name: string): Promise<Endpoint> {
  const made = await sql.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account) values ('stub', $1, $1) returning id`,
    [name],
  );
  const id = made.rows[0]?.id;
  if (id === undefined) throw new Error('no endpoint was made');
  return { id, provider: stubProvider, name, account: name, settings: {}, disabled: false, secrets: [] };
}

/** A delivery as the route would make it. */
export function stubDelivery(endpoint: Endpoint, events: readonly StubEvent[], now: number = Date.now()): Delivery {
  const body = Buffer.from(JSON.stringify({ events }));
  return {
    id: uuidv7Bytes(now),
    receivedAt: now,
    endpoint,
    method: 'POST',
    path: `/webhooks/stub/${endpoint.name}`,
    sourceIp: '127.0.0.1',
    headers: [['content-type', 'application/json']],
    body,
    sha256: createHash('sha256').update(body).digest(),
    level: 'body',
    secretId: null,
    events: events.map(
      (event, item): IncomingEvent => ({
        id: uuidv7Bytes(now),
        item,
        eventId: event.id,
        variant: event.idSigned === false ? fingerprintOf(event) : Buffer.alloc(0),
        transmissionId: event.transmissionId ?? null,
        type: event.type ?? 'stub',
        apiVersion: null,
        live: null,
        account: endpoint.account,
        occurredAt: null,
        unreadable: null,
        fingerprint: () => fingerprintOf(event),
      }),
    ),
  };
}

/** A provider that is in no documentation. */
export function noMatrix(): ProviderMatrixRow {
  const none = '';
  return {
    signature: none,
    freshness: none,
    secret: none,
    eventId: none,
    trust: none,
    account: none,
    captured: none,
    currencies: none,
    answer: none,
  };
}
