import { describe, expect, it } from 'vitest';
import { plaid } from '../../../src/providers/plaid/index.ts';
import type { ApiCall } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { FIRST, NOW, transferEvent } from './samples.ts';

const SETTINGS = { client_id: 'madeclientid0001', api_key: 'madeapisecret0001' };
const KEY_URL = 'https://production.plaid.com/webhook_verification_key/get?key_id=00000000-0000-4000-8000-000000000001';

type Answer = { status: number; body?: string };
const json = (value: object): Answer => ({ status: 200, body: JSON.stringify(value) });
const bodyOf = (call: ApiCall): Record<string, unknown> => JSON.parse(call.body ?? '{}');

/** A Plaid with `total` events, a minute apart, the newest a minute ago; some are about refunds and sweeps. */
function plaidWith(total: number, about: (id: number) => object = () => ({})): (call: ApiCall) => Answer {
  const event = (id: number) =>
    transferEvent({
      event_id: id,
      timestamp: new Date(NOW - (total - id + 1) * 60_000).toISOString().replace('.000', ''),
      ...about(id),
    });
  return (call) => {
    const asked = bodyOf(call);
    switch (call.path) {
      case '/transfer/event/list':
        return json({ transfer_events: total === 0 ? [] : [event(total)] });
      case '/transfer/event/sync': {
        const after = Number(asked.after_id);
        const ids = Array.from(
          { length: Math.max(0, Math.min(Number(asked.count), total - after)) },
          (_, i) => after + i + 1,
        );
        return json({ transfer_events: ids.map(event), has_more: after + ids.length < total });
      }
      case '/transfer/refund/get':
        return json({ refund: { id: asked.refund_id, amount: '5.00', status: 'settled' } });
      case '/transfer/sweep/get':
        return asked.sweep_id === 'gone' ? { status: 404 } : json({ sweep: { id: asked.sweep_id, status: 'settled' } });
      default:
        return { status: 500 };
    }
  };
}

async function fetchEvents(id: string, answer: (call: ApiCall) => Answer, settings: object = SETTINGS) {
  const { context, calls } = apiContext({ ...settings }, NOW, answer);
  const found = await plaid.api?.fetchObject({ kind: 'transfer_events', id }, context);
  const body =
    found?.kind === 'found'
      ? (JSON.parse(found.body.toString()) as {
          transfer_events: { event_id: string }[];
          refunds: object[];
          sweeps: object[];
          last_event_id: string;
          has_more: boolean;
        })
      : undefined;
  return { found, body, calls, ids: body?.transfer_events.map((one) => Number(one.event_id)) ?? [] };
}

describe('transfer events', () => {
  it('are asked for by our own key, never in the body', async () => {
    const { calls } = await fetchEvents('recent', plaidWith(1));
    for (const call of calls) {
      expect(plaid.api?.hosts).toContain(call.host);
      expect(call).toMatchObject({
        method: 'POST',
        host: 'production.plaid.com',
        headers: { 'plaid-client-id': SETTINGS.client_id, 'plaid-secret': SETTINGS.api_key },
      });
      expect(call.body).not.toContain(SETTINGS.api_key);
    }
    const { calls: test } = await fetchEvents('recent', plaidWith(1), { ...SETTINGS, mode: 'test' });
    expect(test[0]?.host).toBe('sandbox.plaid.com');
  });

  it('of the last day are all there, the newest first of all', async () => {
    expect((await fetchEvents('recent', plaidWith(0))).body).toMatchObject({ transfer_events: [], last_event_id: '0' });
    expect((await fetchEvents('recent', plaidWith(3))).ids).toEqual([1, 2, 3]);
    // One a minute: 26 hours are 1,560 of them, in pages of 500.
    const day = await fetchEvents('recent', plaidWith(4_000));
    expect(day.ids.at(-1)).toBe(4_000);
    expect(day.ids[0]).toBeLessThanOrEqual(4_000 - 1_560);
    expect(new Set(day.ids).size).toBe(day.ids.length);
    expect(day.ids).toEqual(day.ids.toSorted((a, b) => a - b));
  });

  it('are bounded: of very many the newest are told', async () => {
    const busy = await fetchEvents(
      'recent',
      plaidWith(100_000, () => ({ timestamp: '2025-12-31T23:59:00Z' })),
    );
    expect(busy.ids).toHaveLength(2_500);
    expect(busy.ids.at(-1)).toBe(100_000);
    expect(busy.calls.length).toBeLessThan(10);
  });

  it('after a cursor are told forwards, with where to go on', async () => {
    const some = await fetchEvents('7', plaidWith(10));
    expect(some.ids).toEqual([8, 9, 10]);
    expect(some.body).toMatchObject({ last_event_id: '10', has_more: false });
    const many = await fetchEvents('0', plaidWith(9_000));
    expect(many.ids).toHaveLength(2_500);
    expect(many.body).toMatchObject({ last_event_id: '2500', has_more: true });
    const beyond = await fetchEvents('9007199254740993', plaidWith(0));
    expect(beyond.calls[0]?.body).toBe('{"after_id":9007199254740993,"count":500}');
  });

  it('bring the refunds and sweeps they are about, once each', async () => {
    const about = (id: number) => ({
      refund_id: id <= 2 ? 'r1' : null,
      sweep_id: id === 3 ? 's1' : id === 4 ? 'gone' : null,
    });
    const { body, calls } = await fetchEvents('recent', plaidWith(5, about));
    expect(body?.refunds).toMatchObject([{ id: 'r1' }]);
    expect(body?.sweeps).toMatchObject([{ id: 's1' }]);
    expect(calls.filter((call) => call.path === '/transfer/refund/get')).toHaveLength(1);
    const many = await fetchEvents(
      'recent',
      plaidWith(400, (id) => ({ refund_id: `r${id}` })),
    );
    expect(many.body?.refunds).toHaveLength(100);
    expect(many.body?.refunds[0]).toMatchObject({ id: 'r400' });
  });

  it('say why they cannot be told', async () => {
    const kind = async (status: number, body = '') =>
      (await fetchEvents('recent', () => ({ status, body }))).found?.kind;
    expect(await kind(400, '{"error_code":"INVALID_API_KEYS"}')).toBe('refused');
    expect(await kind(429)).toBe('later');
    expect(await kind(503)).toBe('later');
    expect(await kind(200, 'no json')).toBe('refused');
    const broken = plaidWith(3, () => ({ refund_id: 'r1' }));
    const { found } = await fetchEvents('recent', (call) =>
      call.path === '/transfer/refund/get' ? { status: 500 } : broken(call),
    );
    expect(found?.kind).toBe('later');
  });

  it('are asked for neither without a key nor by another name', async () => {
    expect((await fetchEvents('recent', plaidWith(1), {})).found?.kind).toBe('refused');
    for (const id of ['', 'x', '-1', '1e9', '9'.repeat(40)]) {
      const { found, calls } = await fetchEvents(id, plaidWith(1));
      expect(found?.kind, id).toBe('missing');
      expect(calls).toEqual([]);
    }
    const { context, calls } = apiContext(SETTINGS, NOW, plaidWith(1));
    expect((await plaid.api?.fetchObject({ kind: 'payment', id: 'recent' }, context))?.kind).toBe('missing');
    expect(calls).toEqual([]);
  });
});

describe('a verification key', () => {
  const fetchKey = async (url: string, answer: Answer, settings: object = SETTINGS) => {
    const { context, calls } = apiContext({ ...settings }, NOW, () => answer);
    return { found: await plaid.api?.fetchKey?.(url, context), calls };
  };
  const good = json({ key: JSON.parse(FIRST.publicJwk), request_id: 'x' });

  it('is asked for by its id, and comes as verify reads it', async () => {
    const { found, calls } = await fetchKey(KEY_URL, good);
    expect(calls).toMatchObject([
      {
        method: 'POST',
        host: 'production.plaid.com',
        path: '/webhook_verification_key/get',
        body: '{"key_id":"00000000-0000-4000-8000-000000000001"}',
      },
    ]);
    expect(plaid.checkSecret(found?.kind === 'found' ? found.body.toString() : '')).toBeNull();
  });

  it('is missing where Plaid never gave it, and refused where we may not ask', async () => {
    const kind = async (answer: Answer) => (await fetchKey(KEY_URL, answer)).found?.kind;
    expect(await kind({ status: 400, body: '{"error_code":"INVALID_WEBHOOK_VERIFICATION_KEY_ID"}' })).toBe('missing');
    expect(await kind({ status: 400, body: '{"error_code":"INVALID_API_KEYS"}' })).toBe('refused');
    expect(await kind({ status: 429 })).toBe('later');
    expect(await kind(json({ key: { kid: 'another' } }))).toBe('missing');
    expect((await fetchKey(KEY_URL, good, {})).found?.kind).toBe('refused');
  });

  it('is not asked for under any other address', async () => {
    for (const url of [
      KEY_URL.replace('production', 'sandbox'),
      KEY_URL.replace('production.plaid.com', 'attacker.example'),
      `${KEY_URL}&x=1`,
      `${KEY_URL}/../x`,
      KEY_URL.replace('https', 'http'),
      '',
    ]) {
      const { found, calls } = await fetchKey(url, good);
      expect(found?.kind, url).toBe('missing');
      expect(calls).toEqual([]);
    }
  });
});
