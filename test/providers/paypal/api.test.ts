import { describe, expect, it } from 'vitest';
import { paypal } from '../../../src/providers/paypal/index.ts';
import type { ApiCall, EndpointSettings } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { paypalCapture, paypalEvent, WEBHOOK_ID } from './samples.ts';

const NOW = 1_767_225_600_000;
const RANGE = { from: NOW - 3_600_000, to: NOW };
type Answer = { status: number; body?: string; headers?: Record<string, string> };

let clients = 0;
/** Tokens are kept by client: each test has its own. */
function client(change: EndpointSettings = {}): EndpointSettings {
  clients += 1;
  return { webhook_id: WEBHOOK_ID, client_id: `made-by-us-${clients}`, client_secret: 'made-by-us-secret', ...change };
}

/** PayPal as far as we ask it: tokens numbered in the order they are made, and `answer` for the rest. */
function paypalApi(settings: EndpointSettings, answer: (call: ApiCall) => Answer, now = NOW) {
  let made = 0;
  return apiContext(settings, now, (call) => {
    if (call.path !== '/v1/oauth2/token') return answer(call);
    made += 1;
    return { status: 200, body: `{"access_token":"token-${made}","expires_in":32400}` };
  });
}

const listed = (events: string[], links: object[] = []): string =>
  `{"events":[${events.join(',')}],"count":${events.length},"links":${JSON.stringify(links)}}`;

describe('the access token', () => {
  it('is asked for once, with the client by Basic authentication', async () => {
    const settings = client();
    const { context, calls } = paypalApi(settings, () => ({ status: 200, body: listed([]) }));
    await paypal.api?.list?.page(RANGE, null, context);
    await paypal.api?.list?.page(RANGE, null, context);
    expect(calls.map(({ method, path }) => `${method} ${path.split('?')[0]}`)).toEqual([
      'POST /v1/oauth2/token',
      'GET /v1/notifications/webhooks-events',
      'GET /v1/notifications/webhooks-events',
    ]);
    const basic = Buffer.from(`${String(settings.client_id)}:made-by-us-secret`).toString('base64');
    expect(calls[0]).toMatchObject({
      body: 'grant_type=client_credentials',
      headers: { authorization: `Basic ${basic}` },
    });
    expect(calls[2]?.headers.authorization).toBe('Bearer token-1');
    const later = paypalApi(settings, () => ({ status: 200, body: listed([]) }), NOW + 32_400_000);
    await paypal.api?.list?.page(RANGE, null, later.context);
    expect(later.calls).toHaveLength(2);
  });

  it('is made anew once when it is refused, and then it is the key', async () => {
    const { context, calls } = paypalApi(client(), ({ headers }) =>
      headers.authorization === 'Bearer token-2' ? { status: 200, body: listed([]) } : { status: 401 },
    );
    expect(await paypal.api?.list?.page(RANGE, null, context)).toMatchObject({ kind: 'page' });
    expect(calls).toHaveLength(4);
    const never = paypalApi(client(), () => ({ status: 401 }));
    expect(await paypal.api?.list?.page(RANGE, null, never.context)).toMatchObject({ kind: 'refused' });
    expect(never.calls).toHaveLength(4);
  });

  it.each<[string, Answer, object]>([
    ['a wrong client', { status: 401 }, { kind: 'refused', detail: expect.stringContaining('client_secret') }],
    ['too many', { status: 429, headers: { 'retry-after': '30' } }, { kind: 'later', at: NOW + 30_000 }],
    ['PayPal away', { status: 503 }, { kind: 'later' }],
  ])('tells %s', async (_name, answer, expected) => {
    const { context } = apiContext(client(), NOW, () => answer);
    expect(await paypal.api?.list?.page(RANGE, null, context)).toMatchObject(expected);
    expect(await paypal.api?.fetchObject({ kind: 'capture', id: 'X' }, context)).toMatchObject(expected);
  });

  it('is none when it would break out of its header', async () => {
    for (const token of ['', 'a b', 'a\\r\\nx: y', 'x'.repeat(5_000)]) {
      const { context } = apiContext(client(), NOW, () => ({ status: 200, body: `{"access_token":"${token}"}` }));
      await expect(paypal.api?.list?.page(RANGE, null, context)).rejects.toMatchObject({ code: 'unreadable_event' });
    }
  });
});

describe('the list of events', () => {
  it('is asked for by time; of a link to the next page only the query counts', async () => {
    const told = paypalEvent('PAYMENT.CAPTURE.COMPLETED', paypalCapture())
      .toString()
      .replace('123.45', '90071992547409.93');
    const next = { rel: 'next', href: 'https://evil.example/v9/elsewhere?page_size=100&start_id=WH-1&move_to=next' };
    const { context, calls } = paypalApi(client(), () => ({
      status: 200,
      body: listed([told], [{ rel: 'self' }, next]),
    }));
    const page = await paypal.api?.list?.page(RANGE, null, context);
    expect(calls[1]).toMatchObject({
      host: 'api-m.paypal.com',
      path: '/v1/notifications/webhooks-events?page_size=100&start_time=2025-12-31T23%3A00%3A00.000Z&end_time=2026-01-01T00%3A00%3A00.000Z',
    });
    expect(page).toMatchObject({ next: 'page_size=100&start_id=WH-1&move_to=next', events: [{ at: NOW, live: true }] });
    if (page?.kind !== 'page') throw new Error('no page');
    expect(page.events[0]?.body.toString()).toBe(told);
    await paypal.api?.list?.page(RANGE, page.next, context);
    expect(calls[2]).toMatchObject({
      host: 'api-m.paypal.com',
      path: '/v1/notifications/webhooks-events?page_size=100&start_id=WH-1&move_to=next',
    });
  });

  it('ends where no page follows, or no link that we would follow', async () => {
    const event = paypalEvent('PAYMENT.CAPTURE.COMPLETED', paypalCapture()).toString();
    for (const href of [
      '',
      'x',
      '/v1?a=b',
      'https://x.example/?a=b#/../c d',
      'https://x.example/?a',
      `https://x.example/?a=${'b'.repeat(300)}`,
    ]) {
      const body = listed([event], [{ rel: 'next', href }]);
      const page = await paypal.api?.list?.page(
        RANGE,
        null,
        paypalApi(client(), () => ({ status: 200, body })).context,
      );
      expect(page, href).toMatchObject({ kind: 'page', next: href.includes('#') ? 'a=b' : null });
    }
    const empty = listed([], [{ rel: 'next', href: 'https://x.example/?a=b' }]);
    const page = await paypal.api?.list?.page(
      RANGE,
      'a=b',
      paypalApi(client(), () => ({ status: 200, body: empty })).context,
    );
    expect(page).toMatchObject({ next: null });
  });

  it('is not taken for empty where it is none', async () => {
    for (const body of ['', '<html>', '[]', '{}', '{"events":{"0":1}}']) {
      const { context } = paypalApi(client(), () => ({ status: 200, body }));
      await expect(paypal.api?.list?.page(RANGE, null, context)).rejects.toMatchObject({ code: 'unreadable_event' });
    }
    const { context } = paypalApi(client(), () => ({ status: 200, body: '{"count":0}' }));
    expect(await paypal.api?.list?.page(RANGE, null, context)).toMatchObject({ events: [], next: null });
  });

  it('says what is missing where the app may not read them; in test mode the sandbox is asked', async () => {
    const { context, calls } = paypalApi(client({ mode: 'test' }), () => ({ status: 403 }));
    expect(await paypal.api?.list?.page(RANGE, null, context)).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('Webhooks'),
    });
    expect(new Set(calls.map(({ host }) => host))).toEqual(new Set(['api-m.sandbox.paypal.com']));
  });
});

describe('an object', () => {
  const meaning = (body: Buffer, fetched: object | null) =>
    paypal.normalise(
      {
        item: 0,
        id: 'WH-1',
        type: 'x',
        account: 'main',
        headers: [],
        body,
        receivedAt: NOW,
        level: 'body',
        fetched: fetched === null ? null : Buffer.from(JSON.stringify(fetched)),
      },
      { webhook_id: WEBHOOK_ID },
    );

  it('is asked for by its encoded id, where its kind is known', async () => {
    const { context, calls } = paypalApi(client(), () => ({ status: 404 }));
    expect(await paypal.api?.fetchObject({ kind: 'order', id: '../a?b' }, context)).toMatchObject({ kind: 'missing' });
    expect(calls[1]?.path).toBe('/v2/checkout/orders/..%2Fa%3Fb');
    expect(await paypal.api?.fetchObject({ kind: 'toString', id: 'x' }, context)).toMatchObject({ kind: 'refused' });
  });

  it('stands for a resource that tells too little', () => {
    const body = paypalEvent('PAYMENT.CAPTURE.COMPLETED', { id: 'MADECAPTURE000001' });
    expect(meaning(body, null)).toMatchObject({ kind: 'fetch', object: { kind: 'capture', id: 'MADECAPTURE000001' } });
    expect(meaning(body, paypalCapture())).toMatchObject({
      effects: [{ key: 'MADECAPTURE000001:captured', amount: 12345n }, { type: 'payment.fee_known' }],
    });
    expect(meaning(body, { id: 'MADECAPTURE000001' })).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
  });

  it('an order tells which refunds a payment has that only says it was refunded', () => {
    const related = { supplementary_data: { related_ids: { order_id: 'MADEORDER1' } } };
    const body = paypalEvent('PAYMENT.CAPTURE.REFUNDED', paypalCapture({ status: 'PARTIALLY_REFUNDED', ...related }));
    expect(meaning(body, null)).toMatchObject({ kind: 'fetch', object: { kind: 'order', id: 'MADEORDER1' } });
    const refund = (id: string, capture: string, value: string, status = 'COMPLETED'): object => ({
      id,
      status,
      amount: { currency_code: 'EUR', value },
      update_time: '2026-01-01T00:00:00Z',
      links: [{ rel: 'up', href: `https://api.paypal.com/v2/payments/captures/${capture}` }],
    });
    const order = (...refunds: object[]): object => ({ id: 'MADEORDER1', purchase_units: [{ payments: { refunds } }] });
    const both = order(
      refund('MADEREFUND1', 'MADECAPTURE000001', '10.00'),
      refund('MADEREFUND2', 'ANOTHERCAPTURE', '5.00'),
    );
    expect(meaning(body, both)).toMatchObject({
      kind: 'effects',
      effects: [
        { type: 'refund.succeeded', key: 'MADEREFUND1:succeeded', payment: 'MADECAPTURE000001', amount: 1000n },
      ],
    });
    expect(meaning(body, order())).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(meaning(body, order(refund('R', 'MADECAPTURE000001', '1.00', 'TELEPORTED')))).toMatchObject({
      waitingFor: 'adapter',
    });
  });
});

it('takes a client id and secret together', () => {
  expect(paypal.checkSettings(client())).toEqual([]);
  for (const change of [
    { client_secret: undefined },
    { client_id: undefined },
    { client_id: 'with:a-colon' },
    { client_secret: 7 },
  ])
    expect(paypal.checkSettings(client(change as EndpointSettings)).map(({ path }) => path)).toHaveLength(1);
});
