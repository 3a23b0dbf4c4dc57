import { describe, expect, it } from 'vitest';
import { gocardless } from '../../../src/providers/gocardless/index.ts';
import type { EndpointSettings, IdentifiedEvent, ListedPage, WebhookRequest } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { batch, entry, NOW } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY: EndpointSettings = { api_key: 'live_made_token' };
type Answer = { status: number; body?: string; headers?: Record<string, string> };

async function list(cursor: string | null, answer: Answer, settings: EndpointSettings = KEY) {
  const { context, calls } = apiContext(settings, NOW, () => answer);
  return { page: await gocardless.api?.list?.page(RANGE, cursor, context), calls };
}

const listed = (events: readonly string[], after: string | null = null): Answer => ({
  status: 200,
  body: `{"events":[${events.join(',\n')}],"meta":{"cursors":{"before":null,"after":${JSON.stringify(after)}},"limit":500}}`,
});

const confirmed = (id: string, change: object = {}): string =>
  JSON.stringify(
    entry('payments', 'confirmed', { payment: 'PM1' }, { id, created_at: '2025-12-31T23:30:00.123Z', ...change }),
  );

function eventsOf(page: ListedPage | undefined) {
  if (page?.kind !== 'page') throw new Error('no page');
  return page.events;
}

function identified(body: Buffer, headers: WebhookRequest['headers'] = []): readonly IdentifiedEvent[] {
  const found = gocardless.identify({ method: 'GET', url: '/events', headers, body }, KEY);
  if (found.kind !== 'events') throw new Error('no events');
  return found.events;
}

describe('the list of events', () => {
  it('is asked for by time, with the same question on every page, until no page follows', async () => {
    const query =
      'created_at%5Bgte%5D=2025-12-31T23%3A00%3A00.000Z&created_at%5Blt%5D=2026-01-01T00%3A00%3A00.000Z&limit=500';
    const first = await list(null, listed([confirmed('EV2'), confirmed('EV1')], 'EV1'));
    expect(first.calls).toMatchObject([
      {
        method: 'GET',
        host: 'api.gocardless.com',
        path: `/events?${query}`,
        headers: { authorization: 'Bearer live_made_token', 'gocardless-version': '2015-07-06' },
      },
    ]);
    expect(first.page).toMatchObject({ path: '/events', next: 'EV1' });
    expect(eventsOf(first.page)).toMatchObject([
      { at: Date.parse('2025-12-31T23:30:00.123Z'), live: true },
      { live: true },
    ]);
    const second = await list('EV1', listed([]), { api_key: 'sandbox_made_token' });
    expect(second.calls).toMatchObject([{ host: 'api-sandbox.gocardless.com', path: `/events?${query}&after=EV1` }]);
    expect(second.page).toMatchObject({ events: [], next: null });
    expect(eventsOf((await list(null, listed([confirmed('EV1')]), { ...KEY, mode: 'test' })).page)[0]?.live).toBe(true);
    const untimed = listed([confirmed('EV1', { created_at: 'yesterday' })]);
    expect(eventsOf((await list(null, untimed)).page)).toMatchObject([{ at: null }]);
  });

  it('gives each event as a batch of one, in its own bytes, that is the same event as in its webhook', async () => {
    const odd = confirmed('EV1', { metadata: { note: ']}"\\' }, created_at: '2025-12-31T23:30:00.123Z' }).replace(
      '"metadata"',
      '"big":9007199254740993, "small":1.10,\n "metadata"',
    );
    const events = eventsOf((await list(null, listed([confirmed('EV2'), odd]))).page);
    expect(events.map(({ body }) => body.toString())).toEqual([
      `{"events":[${confirmed('EV2')}]}`,
      `{"events":[${odd}]}`,
    ]);
    const others = entry('mandates', 'created', { mandate: 'MD1' });
    const webhook = batch([others, JSON.parse(odd), JSON.parse(confirmed('EV2'))]);
    const sent = identified(webhook, [['origin', 'https://api.gocardless.com']]);
    for (const [n, place] of [
      [0, 2],
      [1, 1],
    ] as const) {
      const [told, second] = identified(events[n]?.body ?? Buffer.alloc(0));
      expect(second).toBeUndefined();
      expect(told).toMatchObject({ item: 0, id: sent[place]?.id, type: sent[place]?.type, idSigned: true });
      expect(told?.fingerprint()).toEqual(sent[place]?.fingerprint());
    }
  });

  it('means what its webhook means', async () => {
    const [event] = eventsOf((await list(null, listed([confirmed('EV1')]))).page);
    const told = { item: 0, id: 'EV1', type: 'payments.confirmed', account: 'main', headers: [], receivedAt: NOW };
    expect(
      gocardless.normalise({ ...told, body: event?.body ?? Buffer.alloc(0), level: 'body', fetched: null }, KEY),
    ).toMatchObject({ kind: 'fetch', object: { kind: 'payment', id: 'PM1' } });
  });

  it('is of the only organisation that the endpoint carries, and of none that we would have to guess', async () => {
    const account = async (accounts: readonly string[]) =>
      eventsOf((await list(null, listed([confirmed('EV1')]), { ...KEY, accounts })).page)[0]?.account;
    expect(await account(['OR1MADE'])).toBe('OR1MADE');
    for (const accounts of [[], ['OR1MADE', 'OR2MADE'], ['main'], ['OR1:x']])
      expect(await account(accounts), String(accounts)).toBeUndefined();
  });

  it('follows no cursor that would change the question', async () => {
    for (const after of ['EV1&limit=1', '../x', 'a b', 'é', 'x'.repeat(300)]) {
      expect((await list(null, listed([], after))).page, after).toMatchObject({ kind: 'refused' });
      const { page, calls } = await list(after, listed([]));
      expect({ page, calls }, after).toMatchObject({ page: { kind: 'refused' }, calls: [] });
    }
  });

  it('tells a wrong key, too many calls and an absent GoCardless apart', async () => {
    const told = async (status: number, headers: Record<string, string> = {}) =>
      (await list(null, { status, headers, body: '{"error":{"message":"live_made_token"}}' })).page;
    expect(await told(401)).toEqual({ kind: 'refused', detail: 'answered 401: the key is not known, or expired' });
    expect(await told(403)).toMatchObject({ kind: 'refused', detail: expect.stringContaining('read access') });
    for (const status of [400, 302, 404]) expect(await told(status), String(status)).toMatchObject({ kind: 'refused' });
    expect(await told(429, { 'retry-after': '7' })).toMatchObject({ kind: 'later', at: NOW + 7_000 });
    expect(await told(429)).toMatchObject({ kind: 'later', at: NOW + 60_000 });
    expect(await told(503)).toMatchObject({ kind: 'later' });
  });

  it('is not taken for empty where it is none', async () => {
    for (const body of ['', '<html>', '[]', '{}', '{"events":{"0":1},"meta":{}}', '{"events":null}'])
      await expect(list(null, { status: 200, body }), body).rejects.toMatchObject({ code: 'unreadable_event' });
  });
});
