import { describe, expect, it } from 'vitest';
import { mollie } from '../../../src/providers/mollie/index.ts';
import type { EndpointSettings, Normalised } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { mollieEvent, molliePayment, mollieRefund, NOW } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY = { api_key: 'live_madeKeyOfNoAccount1' };
type Answer = { status: number; body?: string; headers?: Record<string, string> };

async function list(cursor: string | null, answer: Answer, settings: EndpointSettings = KEY) {
  const { context, calls } = apiContext(settings, NOW, () => answer);
  return { page: await mollie.api?.list?.page(RANGE, cursor, context), calls };
}

function answerOf(what: string, elements: readonly string[], next: string | null = null): Answer {
  const links = { self: {}, next: next === null ? null : { href: next, type: 'application/hal+json' } };
  return {
    status: 200,
    body: `{"count":1,"_embedded":{"${what}":[${elements.join(', ')}]},"_links":${JSON.stringify(links)}}`,
  };
}

function meaningOf(body: string, fetched: string | null = null, settings: EndpointSettings = KEY): Normalised {
  const found = mollie.identify({ method: 'GET', url: '/v2/payments', headers: [], body: Buffer.from(body) }, settings);
  if (found.kind !== 'events' || found.events[0] === undefined) throw new Error('no event');
  const { item, id, type } = found.events[0];
  const told = { item, id, type, account: 'main', headers: [], receivedAt: NOW, level: 'body' } as const;
  const event = { ...told, body: Buffer.from(body), fetched: fetched === null ? null : Buffer.from(fetched) };
  return mollie.normalise(event, settings);
}

function idOf(object: object): string {
  const body = Buffer.from(JSON.stringify(object));
  const found = mollie.identify({ method: 'GET', url: '/v2/payments', headers: [], body }, KEY);
  return found.kind === 'events' ? (found.events[0]?.id ?? '') : '';
}

const CHARGEBACK = {
  resource: 'chargeback',
  id: 'chb_MADE1',
  amount: { value: '20.00', currency: 'EUR' },
  paymentId: 'tr_MADE1',
  createdAt: '2025-12-31T23:40:00+00:00',
  reversedAt: null,
};
const made = JSON.stringify(molliePayment());
const old = JSON.stringify(molliePayment({ id: 'tr_OLD', createdAt: '2025-12-31T22:59:59+00:00' }));

describe('the lists of payments, refunds and chargebacks', () => {
  it('are asked for one after the other, page by page, by the id Mollie names next', async () => {
    const href = 'https://elsewhere.example/v2/payments?from=tr_NEXT&limit=250';
    const first = await list(null, answerOf('payments', [made], href));
    expect(first.calls).toEqual([
      {
        method: 'GET',
        host: 'api.mollie.com',
        path: '/v2/payments?limit=250',
        headers: { authorization: `Bearer ${KEY.api_key}`, accept: 'application/hal+json' },
      },
    ]);
    expect(first.page).toMatchObject({ kind: 'page', path: '/v2/payments', next: 'payments/tr_NEXT' });
    const second = await list('payments/tr_NEXT', answerOf('payments', []));
    expect(second.calls[0]).toMatchObject({ host: 'api.mollie.com', path: '/v2/payments?limit=250&from=tr_NEXT' });
    expect(second.page).toMatchObject({ events: [], next: 'refunds/' });
    const third = await list('refunds/', answerOf('refunds', [JSON.stringify(mollieRefund())]));
    expect(third.page).toMatchObject({ path: '/v2/refunds', events: [{ object: true }], next: 'chargebacks/' });
    const last = await list('chargebacks/', answerOf('chargebacks', [JSON.stringify(CHARGEBACK)]));
    expect(last.page).toMatchObject({ events: [{ at: NOW - 1_200_000, live: true }], next: null });
  });

  it('end where an older object comes, which is left out like what is newer than the range', async () => {
    const later = JSON.stringify(molliePayment({ id: 'tr_NEW', createdAt: '2026-01-01T00:00:00+00:00' }));
    const { page } = await list(null, answerOf('payments', [later, made, old], 'https://x.example/?from=tr_OLDER'));
    expect(page).toMatchObject({ events: [{ at: RANGE.from }], next: 'refunds/' });
    // All of it is newer: the range is further on.
    expect((await list(null, answerOf('payments', [later], 'https://x.example/?from=tr_OLDER'))).page).toMatchObject({
      events: [],
      next: 'payments/tr_OLDER',
    });
  });

  it('leave out payments that moved nothing yet', async () => {
    const open = JSON.stringify(molliePayment({ status: 'open' }));
    expect((await list(null, answerOf('payments', [open, made]))).page).toMatchObject({ events: [{ object: true }] });
  });

  it('are of the mode that the key is of, and an access token is told', async () => {
    const test = await list(null, answerOf('payments', [made]), { api_key: 'test_madeKeyOfNoAccount1' });
    expect(test.page).toMatchObject({ events: [{ live: false }] });
    const token = { api_key: 'access_madeTokenOfNobody1', mode: 'test' } as const;
    const asked = await list('refunds/', answerOf('refunds', [JSON.stringify(mollieRefund())]), token);
    expect(asked.calls[0]?.path).toBe('/v2/refunds?limit=250&testmode=true');
    expect(asked.page).toMatchObject({ events: [{ live: false }] });
  });

  it('give each object in its own bytes', async () => {
    const told = made.replace('"20.00"', '"90071992547409.93"').replace('{', '{ \n "extra" : 1.10, ');
    const { page } = await list(null, answerOf('payments', [told]));
    if (page?.kind !== 'page') throw new Error('no page');
    expect(page.events.map(({ body }) => body.toString())).toEqual([told]);
    expect(meaningOf(told)).toMatchObject({ effects: [{ amount: 9_007_199_254_740_993n }] });
  });

  it('say what is missing where the key may not read them, and wait as long as Mollie asks', async () => {
    expect((await list(null, { status: 401 })).page).toMatchObject({
      kind: 'refused',
      detail: 'answered 401: the key is not known, or expired',
    });
    expect((await list('refunds/', { status: 403 })).page).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('refunds.read'),
    });
    const busy = await list(null, { status: 429, headers: { 'retry-after': '7' } });
    expect(busy.page).toMatchObject({ kind: 'later', at: NOW + 7_000 });
    expect((await list(null, { status: 503 })).page).toMatchObject({ kind: 'later' });
  });

  it('are never taken for empty where the answer is none, nor for ended where the link is broken', async () => {
    for (const body of ['', '<html>', '[]', '{}', '{"_embedded":{}}', '{"_embedded":{"payments":{"0":1}}}'])
      await expect(list(null, { status: 200, body })).rejects.toMatchObject({ code: 'unreadable_event' });
    for (const href of ['https://x.example/', 'nonsense', 'https://x.example/?from=a%2F..%2Fb'])
      await expect(list(null, answerOf('payments', [made], href))).rejects.toMatchObject({ code: 'unreadable_event' });
    for (const cursor of ['', 'orders/', 'payments/a?b', 'payments/../x'])
      expect((await list(cursor, answerOf('payments', []))).page?.kind).toBe('refused');
  });
});

describe('a listed object', () => {
  it('is an event of its state: a later one is another, and what is no money is none', () => {
    expect(idOf(molliePayment())).toBe('tr_MADE1:paid');
    expect(idOf(molliePayment({ settlementId: 'stl_1' }))).toBe('tr_MADE1:paid');
    expect(idOf(molliePayment({ status: 'failed' }))).toBe('tr_MADE1:failed');
    const part = (value: string) => idOf(molliePayment({ amountCaptured: { value, currency: 'EUR' } }));
    expect(part('5.00')).not.toBe(part('7.50'));
    expect(idOf(mollieRefund({ status: 'pending' }))).not.toBe(idOf(mollieRefund()));
    expect(idOf({ ...CHARGEBACK, reversedAt: '2026-01-01T00:00:00+00:00' })).not.toBe(idOf(CHARGEBACK));
  });

  it('has the same content until its money is another', () => {
    const print = (change: object) => {
      const body = Buffer.from(JSON.stringify(molliePayment(change)));
      const found = mollie.identify({ method: 'GET', url: '/', headers: [], body }, KEY);
      return found.kind === 'events' ? found.events[0]?.fingerprint().toString('hex') : undefined;
    };
    expect(print({ settlementId: 'stl_1' })).toBe(print({}));
    expect(print({ amount: { value: '20.01', currency: 'EUR' } })).not.toBe(print({}));
  });

  it('posts under the keys of its webhook, so nothing posts twice', () => {
    const keys = (meaning: Normalised) =>
      meaning.kind === 'effects' ? meaning.effects.map(({ key }) => key) : meaning.kind;
    const webhook = (type: string, entity: Record<string, unknown>) => meaningOf(mollieEvent(type, entity).toString());
    const pairs = [
      ['payment.paid', molliePayment()],
      ['payment.failed', molliePayment({ status: 'failed' })],
      ['refund.refunded', mollieRefund()],
      ['chargeback.received', CHARGEBACK],
    ] as const;
    for (const [type, entity] of pairs) {
      expect(keys(meaningOf(JSON.stringify(entity)))).toEqual(keys(webhook(type, entity)));
      expect(meaningOf(JSON.stringify(entity))).toMatchObject({ kind: 'effects' });
    }
  });

  it('is fetched first where its captures carry the money', () => {
    const captured = { captureMode: 'manual', amountCaptured: { value: '20.00', currency: 'EUR' } };
    const told = JSON.stringify(molliePayment(captured));
    expect(meaningOf(told)).toMatchObject({ kind: 'fetch', object: { kind: 'payment', id: 'tr_MADE1' } });
    const capture = { resource: 'capture', id: 'cpt_1', paymentId: 'tr_MADE1', amount: captured.amountCaptured };
    const whole = JSON.stringify(molliePayment({ ...captured, _embedded: { captures: [capture] } }));
    expect(meaningOf(told, whole)).toMatchObject({ effects: [{ key: 'cpt_1:captured', amount: 2_000n }] });
    const other = JSON.stringify(molliePayment({ id: 'tr_OTHER' }));
    expect(meaningOf(told, other)).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
  });
});
