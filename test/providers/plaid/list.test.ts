import { describe, expect, it } from 'vitest';
import { plaid } from '../../../src/providers/plaid/index.ts';
import type { ApiCall, EndpointSettings, Normalised } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { NOW, plaidBody, transferEvent } from './samples.ts';

const KEY = { client_id: 'madeclientid0001', api_key: 'madeapisecret0001' };
const RANGE = { from: NOW - 3_600_000, to: NOW };
const LISTED = [['postern-backfill', 'made']] as const;
type Answer = { status: number; body?: string; headers?: Record<string, string> };

async function list(
  cursor: string | null,
  answer: (call: ApiCall) => Answer,
  { settings = KEY, range = RANGE }: { settings?: EndpointSettings; range?: typeof RANGE } = {},
) {
  const { context, calls } = apiContext(settings, NOW, answer);
  return { page: await plaid.api?.list?.page(range, cursor, context), calls };
}

function sync(events: readonly (object | string)[], hasMore = false): Answer {
  const texts = events.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  return { status: 200, body: `{"transfer_events":[\n${texts.join(' ,')}],"has_more":${hasMore},"request_id":"x"}` };
}

/** A Plaid with `total` events a minute apart, the newest a minute ago. */
function plaidWith(total: number): (call: ApiCall) => Answer {
  const event = (id: number) =>
    transferEvent({ event_id: id, timestamp: new Date(NOW - (total - id + 1) * 60_000).toISOString() });
  return (call) => {
    if (call.path === '/transfer/event/list') return sync(total === 0 ? [] : [event(total)]);
    const { after_id: after, count } = JSON.parse(call.body ?? '{}') as { after_id: number; count: number };
    const ids = Array.from({ length: Math.max(0, Math.min(count, total - after)) }, (_, i) => after + i + 1);
    return sync(ids.map(event), after + ids.length < total);
  };
}

function meaningOf(event: object | string, fetched: object | null = null): Normalised {
  const body = Buffer.from(typeof event === 'string' ? event : JSON.stringify(event));
  const found = plaid.identify({ method: 'GET', url: '/', headers: LISTED, body }, KEY);
  if (found.kind !== 'events' || found.events[0] === undefined) throw new Error('no event');
  const { item, id, type } = found.events[0];
  const told = { item, id, type, account: 'main', headers: LISTED, receivedAt: NOW, level: 'body' } as const;
  return plaid.normalise(
    { ...told, body, fetched: fetched === null ? null : Buffer.from(JSON.stringify(fetched)) },
    KEY,
  );
}

describe('the list of transfer events', () => {
  it('goes on from a cursor, one page of sync at a time, beyond 2^53 too', async () => {
    const told = transferEvent({ event_id: 12, timestamp: '2025-12-31T23:30:00Z' });
    const { page, calls } = await list('11', () => sync([told], true));
    expect(calls).toMatchObject([
      {
        method: 'POST',
        host: 'production.plaid.com',
        path: '/transfer/event/sync',
        headers: { 'plaid-client-id': KEY.client_id, 'plaid-secret': KEY.api_key },
        body: '{"after_id":11,"count":500}',
      },
    ]);
    expect(page).toMatchObject({ next: '12', events: [{ at: NOW - 1_800_000, live: true }] });
    const beyond = await list('9007199254740993', () => sync([]), { settings: { ...KEY, mode: 'test' } });
    expect(beyond.calls[0]).toMatchObject({
      host: 'sandbox.plaid.com',
      body: '{"after_id":9007199254740993,"count":500}',
    });
    expect(beyond.page).toMatchObject({ events: [], next: null });
  });

  it('begins at the range and brings all of it, however long the history', async () => {
    for (const total of [0, 3, 600, 300_000]) {
      const found: number[] = [];
      let calls = 0;
      let cursor: string | null = null;
      do {
        const one = await list(cursor, plaidWith(total));
        if (one.page?.kind !== 'page') throw new Error('no page');
        found.push(...one.page.events.map(({ at }) => at ?? 0));
        cursor = one.page.next;
        calls += one.calls.length;
      } while (cursor !== null);
      expect(found).toHaveLength(Math.min(total, 60));
      expect(found.every((at) => at >= RANGE.from && at < RANGE.to)).toBe(true);
      expect(calls).toBeLessThan(30);
    }
  });

  it('ends after the range, and finds one that is long ago', async () => {
    const range = { from: NOW - 90 * 86_400_000, to: NOW - 90 * 86_400_000 + 3_600_000 };
    let [cursor, found, calls]: [string | null, number, number] = [null, 0, 0];
    do {
      const one = await list(cursor, plaidWith(300_000), { range });
      if (one.page?.kind !== 'page') throw new Error('no page');
      [cursor, found, calls] = [one.page.next, found + one.page.events.length, calls + one.calls.length];
    } while (cursor !== null);
    expect(found).toBe(60);
    expect(calls).toBeLessThan(40);
  });

  it('gives each event in its own bytes', async () => {
    const told = JSON.stringify(transferEvent({ event_id: 7 })).replace('{', '{ \n"extra":1.10,');
    const { page } = await list('6', () => sync([told]));
    if (page?.kind !== 'page') throw new Error('no page');
    expect(page.events.map(({ body }) => body.toString())).toEqual([told]);
  });

  it('says what is wrong with the key, and waits as long as Plaid asks', async () => {
    for (const status of [400, 401, 403, 404]) {
      const body = '{"error_code":"INVALID_API_KEYS"}';
      const { page } = await list('1', () => ({ status, body }));
      expect(page).toMatchObject({
        kind: 'refused',
        detail: expect.stringContaining(`INVALID_API_KEYS: answered ${status}`),
      });
    }
    const busy = { status: 429, headers: { 'retry-after': '9' } };
    expect((await list('1', () => busy)).page).toMatchObject({ kind: 'later', at: NOW + 9_000 });
    expect((await list(null, () => busy)).page).toMatchObject({ kind: 'later', at: NOW + 9_000 });
    expect((await list(null, () => sync([]), { settings: {} })).page).toMatchObject({ kind: 'refused' });
  });

  it('is never taken for empty or ended where the answer is none', async () => {
    for (const body of ['[]', '{}', '{"transfer_events":{"0":1}}'])
      await expect(list('1', () => ({ status: 200, body }))).rejects.toMatchObject({ code: 'unreadable_event' });
    for (const body of ['', '<html>'])
      expect((await list('1', () => ({ status: 200, body }))).page?.kind).toBe('refused');
    for (const events of [[], [transferEvent({ event_id: 5 })]])
      await expect(list('5', () => sync(events, true))).rejects.toMatchObject({ code: 'unreadable_event' });
    for (const cursor of ['', '-1', '1,"count":9', 'x'.repeat(30)])
      expect((await list(cursor, () => sync([]))).page?.kind).toBe('refused');
  });
});

describe('a listed transfer event', () => {
  it('is known by its own id and time', () => {
    const body = Buffer.from(JSON.stringify(transferEvent({ event_id: 7 })));
    expect(plaid.identify({ method: 'GET', url: '/', headers: [], body }, KEY)).toMatchObject({
      events: [{ id: 'transfer_event:7', type: 'transfer_event.settled', occurredAt: NOW - 3_600_000 }],
    });
  });

  it('that came with a signature is none: every client of Plaid has the same keys', () => {
    const body = Buffer.from(JSON.stringify(transferEvent()));
    const headers = [['Plaid-Verification', 'x.y.z']] as const;
    expect(plaid.identify({ method: 'POST', url: '/', headers, body }, KEY).kind).toBe('unreadable');
    const told = { item: 0, id: 'x', type: 'x', account: 'main', headers, body, receivedAt: NOW } as const;
    expect(plaid.normalise({ ...told, level: 'body', fetched: null }, KEY)).toMatchObject({ kind: 'deferred' });
  });

  it('posts under the key that its hint leads to, so nothing posts twice', () => {
    const hint = (events: object[], refunds: object[], sweeps: object[]) =>
      plaid.normalise(
        {
          item: 0,
          id: 'hint',
          type: 'TRANSFER.TRANSFER_EVENTS_UPDATE',
          account: 'main',
          headers: [],
          body: plaidBody(),
          receivedAt: NOW,
          level: 'body',
          fetched: Buffer.from(JSON.stringify({ transfer_events: events, refunds, sweeps })),
        },
        KEY,
      );
    for (const change of [{}, { event_type: 'returned' }, { event_type: 'failed' }, { transfer_type: 'credit' }]) {
      const told = meaningOf(transferEvent(change));
      expect(told).toMatchObject({ kind: 'effects' });
      const other = hint([transferEvent(change)], [], []);
      expect(told.kind === 'effects' && told.effects).toEqual(other.kind === 'effects' && other.effects);
    }
    const refund = { id: 'r1', transfer_id: 't1', amount: '5.00', status: 'settled' };
    const refunded = transferEvent({ event_type: 'refund.settled', refund_id: 'r1' });
    expect(meaningOf(refunded, { refund })).toMatchObject({ effects: [{ key: 'r1:succeeded', amount: 500n }] });
    expect(hint([refunded], [refund], [])).toMatchObject({ effects: [{ key: 'r1:succeeded', amount: 500n }] });
    const sweep = { id: 's1', amount: '7.00', status: 'posted', created: '2025-12-31T20:00:00Z' };
    const swept = transferEvent({ event_type: 'sweep.posted', sweep_id: 's1', transfer_id: null });
    expect(meaningOf(swept, { sweep })).toMatchObject({ effects: [{ key: 's1:created', amount: 700n }] });
    expect(hint([swept], [], [sweep])).toMatchObject({ effects: [{ key: 's1:created', amount: 700n }] });
  });

  it('of a refund or a sweep waits for its object, and believes no other', () => {
    const refunded = transferEvent({ event_type: 'refund.settled', refund_id: 'r1' });
    expect(meaningOf(refunded)).toMatchObject({ kind: 'fetch', object: { kind: 'refund', id: 'r1' } });
    for (const answer of [{}, { refund: {} }, { refund: { id: 'r2', amount: '5.00', status: 'settled' } }])
      expect(meaningOf(refunded, answer)).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    const odd = { refund: { id: 'r1', amount: '5.00', status: 'teleported' } };
    expect(meaningOf(refunded, odd)).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    const swept = transferEvent({ event_type: 'sweep.pending', sweep_id: 's1' });
    expect(meaningOf(swept)).toMatchObject({ kind: 'fetch', object: { kind: 'sweep', id: 's1' } });
    expect(meaningOf(swept, { sweep: { id: 's1', status: 'pending', amount: '1.00' } })).toMatchObject({
      kind: 'no_effect',
    });
    // A transfer that was swept is not the sweep.
    expect(meaningOf(transferEvent({ event_type: 'swept', sweep_id: 's1' }))).toMatchObject({ kind: 'no_effect' });
    expect(meaningOf(transferEvent({ event_type: 'teleported' }))).toMatchObject({ waitingFor: 'adapter' });
  });

  it('has its object fetched in the bytes of the answer', async () => {
    const body = '{ "refund" : {"id":"r1","amount":"5.00"}}';
    const { context, calls } = apiContext(KEY, NOW, () => ({ status: 200, body }));
    const found = await plaid.api?.fetchObject({ kind: 'refund', id: 'r1' }, context);
    expect(found).toEqual({ kind: 'found', body: Buffer.from(body) });
    expect(calls).toMatchObject([{ path: '/transfer/refund/get', body: '{"refund_id":"r1"}' }]);
  });
});
