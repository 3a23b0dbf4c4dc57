import { describe, expect, it } from 'vitest';
import { paddle } from '../../../src/providers/paddle/index.ts';
import type { EndpointSettings, ListedPage, WebhookRequest } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { NOW, paddleEvent, paddleTransaction } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY: EndpointSettings = { api_key: 'pdl_live_apikey_madebyus0001' };
const SANDBOX_KEY = 'pdl_sdbx_apikey_madebyus0001';
type Answer = { status: number; body?: string; headers?: Record<string, string> };

async function list(cursor: string | null, answer: Answer, settings: EndpointSettings = KEY) {
  const { context, calls } = apiContext(settings, NOW, () => answer);
  return { page: await paddle.api?.list?.page(RANGE, cursor, context), calls };
}

const NEXT = 'https://evil.example/events?after=evt_elsewhere';
const listed = (events: readonly string[], more: unknown = false): Answer => ({
  status: 200,
  body: `{"data":[${events.join(',\n')}],"meta":${JSON.stringify({ pagination: { has_more: more, next: NEXT } })}}`,
});

/** As it is listed: without the notification_id of a delivery. */
const event = (id: string, data: object = paddleTransaction(), change: object = {}): string =>
  paddleEvent('transaction.completed', data, {
    event_id: id,
    occurred_at: '2025-12-31T23:30:00.123456Z',
    notification_id: undefined,
    ...change,
  }).toString();

function eventsOf(page: ListedPage | undefined) {
  if (page?.kind !== 'page') throw new Error('no page');
  return page.events;
}

function identified(body: Buffer) {
  const request: WebhookRequest = { method: 'GET', url: '/events', headers: [], body };
  const found = paddle.identify(request, KEY);
  const only = found.kind === 'events' ? found.events[0] : undefined;
  if (only === undefined) throw new Error('no event');
  return only;
}

describe('the list of events', () => {
  it('is asked for by time, oldest first, with the same question on every page until none follows', async () => {
    const query = 'from=2025-12-31T23%3A00%3A00.000Z&to=2026-01-01T00%3A10%3A00.000Z&order_by=id%5BASC%5D&per_page=200';
    const first = await list(null, listed([event('evt_made1'), event('evt_made2')], true));
    expect(first.calls).toMatchObject([
      {
        method: 'GET',
        host: 'api.paddle.com',
        path: `/events?${query}`,
        headers: { authorization: `Bearer ${KEY.api_key}` },
      },
    ]);
    expect(first.page).toMatchObject({ path: '/events', next: 'evt_made2' });
    expect(eventsOf(first.page)[0]).toMatchObject({ at: Date.parse('2025-12-31T23:30:00.123Z'), live: true });
    const second = await list('evt_made2', listed([event('evt_made3')]));
    expect(second.calls).toMatchObject([{ host: 'api.paddle.com', path: `/events?${query}&after=evt_made2` }]);
    expect(second.page).toMatchObject({ next: null });
    expect((await list(null, listed([]))).page).toMatchObject({ events: [], next: null });
  });

  it('is asked of the environment that the key is of, else of the mode', async () => {
    const asked = async (settings: EndpointSettings) => {
      const { page, calls } = await list(null, listed([event('evt_made1')]), settings);
      return [calls[0]?.host, eventsOf(page)[0]?.live];
    };
    const legacy = 'x'.repeat(50);
    expect(await asked({ api_key: SANDBOX_KEY })).toEqual(['sandbox-api.paddle.com', false]);
    expect(await asked({ ...KEY, mode: 'test' })).toEqual(['api.paddle.com', true]);
    expect(await asked({ api_key: legacy, mode: 'test' })).toEqual(['sandbox-api.paddle.com', false]);
    expect(await asked({ api_key: legacy })).toEqual(['api.paddle.com', true]);
  });

  it('gives each event in its own bytes, the same event as in its webhook, with the same money', async () => {
    const amount = '9007199254740993';
    const data = paddleTransaction({ payments: [{ payment_attempt_id: 'at-1', status: 'captured', amount }] });
    const told = event('evt_made1', data).replace('"data":{', '"data":{ "rate":1.10,"count":9007199254740993,\n');
    const [one, other] = eventsOf((await list(null, listed([told, event('evt_made2')]))).page);
    expect(one?.body.toString()).toBe(told);
    expect(other?.body.toString()).toBe(event('evt_made2'));
    const body = one?.body ?? Buffer.alloc(0);
    const sent = identified(Buffer.from(told.replace('{', '{"notification_id":"ntf_made0001",')));
    expect(identified(body)).toMatchObject({ item: 0, id: 'evt_made1', idSigned: true, type: sent.type });
    expect(identified(body).id).toBe(sent.id);
    expect(identified(body).fingerprint()).toEqual(sent.fingerprint());
    const meaning = paddle.normalise(
      {
        item: 0,
        id: 'evt_made1',
        type: sent.type,
        account: 'main',
        headers: [],
        body,
        receivedAt: NOW,
        level: 'body',
        fetched: null,
      },
      KEY,
    );
    expect(meaning).toMatchObject({
      kind: 'effects',
      effects: expect.arrayContaining([expect.objectContaining({ amount: 9007199254740993n })]),
    });
  });

  it('tells no time where the event tells none', async () => {
    const untimed = event('evt_made1', paddleTransaction(), { occurred_at: 'soon' });
    expect(eventsOf((await list(null, listed([untimed]))).page)).toMatchObject([{ at: null }]);
  });

  it('does not end where Paddle does not say that it ends, and follows no cursor that would change the question', async () => {
    for (const more of [null, 'true', 1, {}])
      expect((await list(null, listed([event('evt_made1')], more))).page, String(more)).toMatchObject({
        kind: 'refused',
      });
    expect((await list(null, listed([], true))).page).toMatchObject({ kind: 'refused' });
    for (const id of ['evt_1&per_page=1', '../x', 'a b', 'é', 'x'.repeat(300)]) {
      expect((await list(null, listed([event(id)], true))).page, id).toMatchObject({ kind: 'refused' });
      const { page, calls } = await list(id, listed([]));
      expect({ page, calls }, id).toMatchObject({ page: { kind: 'refused' }, calls: [] });
    }
  });

  it('tells a wrong key, too many calls and an absent Paddle apart', async () => {
    const told = async (status: number, headers: Record<string, string> = {}) =>
      (await list(null, { status, headers, body: '{"error":{"code":"x"}}' })).page;
    expect(await told(401)).toEqual({ kind: 'refused', detail: 'answered 401: the key is not known, or expired' });
    expect(await told(403)).toMatchObject({ kind: 'refused', detail: expect.stringContaining('notification.read') });
    for (const status of [400, 302, 404]) expect(await told(status), String(status)).toMatchObject({ kind: 'refused' });
    expect(await told(429, { 'retry-after': '42' })).toMatchObject({ kind: 'later', at: NOW + 42_000 });
    expect(await told(429, { 'retry-after': '999999999' })).toMatchObject({ kind: 'later', at: NOW + 3_600_000 });
    expect(await told(503)).toMatchObject({ kind: 'later' });
  });

  it('is not taken for empty where it is none', async () => {
    for (const body of ['', '<html>', '[]', '{}', '{"data":{"0":1},"meta":{"pagination":{"has_more":false}}}'])
      await expect(list(null, { status: 200, body }), body).rejects.toMatchObject({ code: 'unreadable_event' });
  });
});

it('asks for no object, because its events carry theirs', async () => {
  const { context, calls } = apiContext(KEY, NOW, () => ({ status: 200, body: '{}' }));
  expect(await paddle.api?.fetchObject({ kind: 'transaction', id: 'txn_1' }, context)).toMatchObject({
    kind: 'refused',
  });
  expect(calls).toEqual([]);
});

it('takes an API key of its mode, and no other secret for one', () => {
  const faults = (settings: EndpointSettings) => paddle.checkSettings(settings).map(({ path }) => path);
  for (const settings of [{}, KEY, { ...KEY, mode: 'live' }, { api_key: SANDBOX_KEY, mode: 'test' }] as const)
    expect(faults(settings)).toEqual([]);
  expect(faults({ api_key: 'x'.repeat(50), backfill_every_s: 900 })).toEqual([]);
  for (const key of [
    '',
    'short',
    'pdl_ntfset_madebyus0001_madebyus',
    'pdl_live_apikey_with a blank',
    `${SANDBOX_KEY}\r\nx: y`,
    7,
  ])
    expect(faults({ api_key: key }), String(key)).toEqual(['/api_key']);
  expect(faults({ ...KEY, mode: 'test' })).toEqual(['/api_key']);
  expect(faults({ api_key: SANDBOX_KEY, mode: 'live' })).toEqual(['/api_key']);
});
