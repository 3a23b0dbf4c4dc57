import { createHash } from 'node:crypto';
import nock from 'nock';
import { expect } from 'vitest';
import { type BackfillRow, selectBackfillEvents, selectBackfills } from '../../src/api/backfill-store.ts';
import { createApiCalls } from '../../src/api-calls.ts';
import { createEgress } from '../../src/egress.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { insertBackfill } from '../../src/ingest/backfill-store.ts';
import { type Backfiller, createBackfiller } from '../../src/ingest/backfiller.ts';
import type { Accepted } from '../../src/ingest/delivery.ts';
import { readEvents } from '../../src/ingest/read-events.ts';
import { createMetrics } from '../../src/metrics.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { providers } from '../../src/providers/index.ts';
import type { AuthenticityLevel, EndpointSettings, Provider } from '../../src/providers/provider.ts';
import { uuidv7, uuidv7Bytes } from '../../src/uuid.ts';
import { createTestDatabase } from './database.ts';
import { eventually } from './eventually.ts';
import { createPipeline } from './pipeline.ts';

const HOUR_MS = 3_600_000;

/** A processor that lists objects: what it has made, as its webhook and as its lists tell it. */
export type ListedCase = {
  readonly provider: Provider;
  /** `account` is a number of its own for each endpoint. */
  settings(account: number): EndpointSettings;
  /** Its answer to a question, when it has made these movements; undefined: there is no such thing. */
  answer(question: Question, made: readonly number[], of: Made): unknown;
  /** Its webhook about movement `n`. */
  webhook(n: number, of: Made): Told;
  /** What movement `n` posts: `{object}:{effect} {amount}`. */
  readonly posts: Readonly<Record<number, readonly string[]>>;
  /** What is said where the key may not read. */
  readonly permission: RegExp;
  /** Answers with the status 200 that are none, besides those that are none of anybody's. */
  readonly nonsense: readonly string[];
};

/** In whose account, and when (unix ms). */
export type Made = { readonly account: number; readonly at: number };
export type Question = { readonly host: string; readonly path: string; readonly query: URLSearchParams; body: string };
export type Told = {
  readonly body: string;
  readonly level?: AuthenticityLevel;
  readonly headers?: ReadonlyArray<readonly [string, string]>;
};
export type Reply = { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> };

/** The whole way but the socket to the processor: its hosts are answered by `reply`, everything else is what runs. */
export async function createObjectLists() {
  const database = await createTestDatabase();
  const endpoints: Endpoint[] = [];
  const questions: Question[] = [];
  let reply: (question: Question) => Reply = () => ({ status: 500 });
  const hosts = new Set<string>();
  if (!nock.isActive()) nock.activate();
  nock.disableNetConnect();

  const open = (provider: Provider) => {
    for (const host of provider.api?.hosts ?? []) {
      if (hosts.has(host)) continue;
      hosts.add(host);
      const any = nock(`https://${host}`).persist();
      const answer = async (request: Request): Promise<[number, string, Record<string, string>]> => {
        const url = new URL(request.url);
        const question = { host, path: url.pathname, query: url.searchParams, body: await request.text() };
        questions.push(question);
        const { status, body: text = '', headers = {} } = reply(question);
        return [status, text, headers];
      };
      any.get(() => true).reply(answer);
      any.post(() => true).reply(answer);
    }
  };
  const egress = createEgress({
    allowHosts: [...providers.values()].flatMap(({ api }) => api?.hosts ?? []),
    resolve: async () => [{ address: '93.184.216.34', family: 4 }],
    timeoutMs: 5_000,
  });
  const call = createApiCalls(egress);
  const pipeline = await createPipeline(database, () => endpoints, {
    api: (asked) => {
      const provider = endpoints.map((one) => one.provider).find((one) => one.api?.hosts.includes(asked.host));
      if (provider === undefined) throw new Error(`nobody asks ${asked.host}`);
      return call(provider, asked);
    },
  });
  pipeline.worker.start();
  pipeline.fetcher.start();
  const backfiller: Backfiller = createBackfiller({
    pool: database.appPool,
    intake: pipeline.intake,
    endpoints: { byId: (id) => endpoints.find((one) => one.id === id), all: () => endpoints },
    call,
    clock: { now: () => Date.now() },
    random: () => 0,
    log: database.log,
    metrics: createMetrics({ process: false }),
  });

  async function newEndpoint(provider: Provider, settings: EndpointSettings): Promise<Endpoint> {
    expect(provider.checkSettings(settings)).toEqual([]);
    open(provider);
    const name = `o${endpoints.length + 1}`;
    const account = settings.account ?? name;
    const { rows } = await database.sql.query<{ id: number }>(
      'insert into postern.endpoints (provider, name, account) values ($1, $2, $3) returning id',
      [provider.name, name, account],
    );
    const endpoint = { id: rows[0]?.id ?? 0, provider, name, account, settings, disabled: false, secrets: [] };
    endpoints.push(endpoint);
    return endpoint;
  }

  /** A webhook that was found authentic. */
  function deliver(endpoint: Endpoint, { body: text, level = 'body', headers = [] }: Told): Promise<Accepted> {
    const now = Date.now();
    const body = Buffer.from(text);
    const request = { method: 'POST', url: 'http://localhost/', headers, body, receivedAt: now };
    const identified = endpoint.provider.identify(request, endpoint.settings);
    if (identified.kind === 'control') throw new Error('a control request is no event');
    return pipeline.intake.accept({
      id: uuidv7Bytes(now),
      receivedAt: now,
      endpoint,
      method: 'POST',
      path: '/',
      sourceIp: '127.0.0.1',
      headers: headers.map(([name, value]) => [name, value]),
      body,
      sha256: createHash('sha256').update(body).digest(),
      level,
      secretId: null,
      events: readEvents(identified, request, endpoint, now),
    });
  }

  async function compare(endpoint: Endpoint): Promise<BackfillRow> {
    const id = uuidv7(Date.now());
    const [from, to] = [Date.now() - 24 * HOUR_MS, Date.now()];
    await withTransaction(database.appPool, (tx) =>
      insertBackfill(tx, { id, endpointId: endpoint.id, from, to, dryRun: false, scheduled: false, actor: 'test' }),
    );
    while (await backfiller.step(id));
    const [row] = await selectBackfills(database.app, { id }, { before: null, limit: 1 });
    if (row === undefined) throw new Error('there is no such backfill');
    return row;
  }

  /** Events that are neither posted nor without effect, and why, once nothing is queued or to be fetched. */
  async function unfinished(endpoint: Endpoint): Promise<string[]> {
    return eventually(
      async () => {
        // A hint is fetched seconds later: nobody waits for that here.
        await database.sql.query(
          'update postern.fetches set due_at = now() where endpoint_id = $1 and leased_until is null and due_at > now()',
          [endpoint.id],
        );
        // In one statement: between two of them an object may come and be posted.
        const { rows } = await database.sql.query<{ status: string; type: string; why: string; fetching: boolean }>(
          `select status, type, coalesce(error_message, reason, '') as why,
             exists (select 1 from postern.fetches f where f.endpoint_id = e.endpoint_id) as fetching
           from postern.events e where endpoint_id = $1 and status not in ('posted', 'no_effect')`,
          [endpoint.id],
        );
        expect(rows.filter(({ status, fetching }) => status === 'queued' || fetching)).toEqual([]);
        return rows.map(({ status, type, why }) => `${type} ${status}: ${why}`);
      },
      { timeoutMs: 15_000 },
    );
  }

  /** What is in the books: `{object}:{effect} {amount}`, each as often as it posted; what is open of authorisations is left out. */
  async function posted(endpoint: Endpoint): Promise<string[]> {
    const { rows } = await database.sql.query<{ posted: string }>(
      `select split_part(t.effect_key, ':', 2) as account,
         substr(t.effect_key, length(split_part(t.effect_key, ':', 1)) + length(split_part(t.effect_key, ':', 2)) + 3)
         || ' ' || sum(p.amount) filter (where p.amount > 0) as posted
       from postern.transactions t join postern.postings p on p.transaction_id = t.id
       join postern.events e on e.id = t.source_event
       where e.endpoint_id = $1 and t.effect_key not like '%:memo\\_%' group by t.id, t.effect_key order by t.effect_key`,
      [endpoint.id],
    );
    return rows.map((row) => row.posted).sort();
  }

  return {
    newEndpoint,
    deliver,
    compare,
    unfinished,
    posted,
    questions,
    found: async (id: string) =>
      (await selectBackfillEvents(database.app, id, { after: null, limit: 100 })).map(
        (one) => `${one.event_id} ${one.outcome}`,
      ),
    answering(with_: (question: Question) => Reply) {
      reply = with_;
    },
    async stop(): Promise<void> {
      await pipeline.stop();
      egress.close();
      nock.cleanAll();
      nock.enableNetConnect();
      nock.restore();
      await database.drop();
    },
  };
}
