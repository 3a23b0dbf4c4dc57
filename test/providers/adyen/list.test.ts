import { describe, expect, it } from 'vitest';
import { adyen } from '../../../src/providers/adyen/index.ts';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { apiContext } from '../../support/api-context.ts';
import { meaningOf } from '../../support/provider-event.ts';

const NOW = 1_767_225_600_000;
const RANGE = { from: NOW - 3_600_000, to: NOW };
const KEY: EndpointSettings = { api_key: 'AQEmadeKeyOfNoCompany01', balance_accounts: ['BAMADE1', 'BAMADE2'] };
type Answer = { status: number; body?: string; headers?: Record<string, string> };

async function list(cursor: string | null, answer: Answer, settings: EndpointSettings = KEY) {
  const { context, calls } = apiContext(settings, NOW, () => answer);
  return { page: await adyen.api?.list?.page(RANGE, cursor, context), calls };
}

const transfer = (change: object = {}): object => ({
  id: 'TRMADE1',
  balanceAccount: { id: 'BAMADE1' },
  category: 'bank',
  type: 'bankTransfer',
  direction: 'outgoing',
  status: 'booked',
  amount: { value: 10_000, currency: 'EUR' },
  creationDate: '2025-12-31T23:10:00Z',
  events: [
    { status: 'booked', bookingDate: '2025-12-31T23:20:00Z', mutations: [{ balance: -10_000, currency: 'EUR' }] },
  ],
  ...change,
});
const answerOf = (data: readonly object[], next?: string): Answer => ({
  status: 200,
  body: JSON.stringify({ data, _links: next === undefined ? {} : { next: { href: next } } }),
});
const bodyOf = (type: string, data: object): Buffer => Buffer.from(JSON.stringify({ type, environment: 'live', data }));
const listed = (data: object): Buffer => bodyOf('balancePlatform.transfer.listed', data);
function identified(data: object) {
  const found = adyen.identify({ method: 'GET', url: '/', headers: [], body: listed(data) }, KEY);
  if (found.kind !== 'events' || found.events[0] === undefined) throw new Error('no event');
  return { ...found.events[0], print: found.events[0].fingerprint().toString('hex') };
}

describe('bank transfers are listed', () => {
  it('of each balance account, page by page, by the cursor Adyen names next', async () => {
    const first = await list(null, answerOf([transfer()], 'https://elsewhere.example/x?cursor=S2B-1%2B%3D'));
    expect(first.calls).toMatchObject([
      { method: 'GET', host: 'balanceplatform-api-live.adyen.com', headers: { 'x-api-key': KEY.api_key } },
    ]);
    const url = new URL(`https://x.example${first.calls[0]?.path}`);
    expect([url.pathname, Object.fromEntries(url.searchParams)]).toEqual([
      '/btl/v4/transfers',
      {
        balanceAccountId: 'BAMADE1',
        category: 'bank',
        createdSince: '2025-12-31T23:00:00.000Z',
        createdUntil: '2026-01-01T00:00:00.000Z',
        limit: '100',
      },
    ]);
    expect(first.page).toMatchObject({ events: [{ object: true, account: 'BAMADE1' }], next: '0/S2B-1+=' });
    const second = await list('0/S2B-1+=', answerOf([]));
    expect(second.calls[0]).toMatchObject({ host: 'balanceplatform-api-live.adyen.com' });
    expect(second.calls[0]?.path).toContain('cursor=S2B-1%2B%3D');
    expect(second.page).toMatchObject({ events: [], next: '1/' });
    const last = await list('1/', answerOf([transfer()]), { ...KEY, mode: 'test' });
    expect(last.calls[0]).toMatchObject({ host: 'balanceplatform-api-test.adyen.com' });
    expect(last.page).toMatchObject({ next: null });
  });

  it('in their own bytes, without those that took nothing yet', async () => {
    const text = JSON.stringify(transfer()).replace('10000', '900719925474099301').replace('{', '{ "x": 1.10,\n');
    const { page } = await list(null, { status: 200, body: `{"data":[${text}]}` });
    expect(page?.kind === 'page' && page.events[0]?.body.toString()).toBe(
      `{"type":"balancePlatform.transfer.listed","environment":"live","data":${text}}`,
    );
    const none = [transfer({ status: 'authorised' }), transfer({ creationDate: '2026-01-01T00:00:00Z' })];
    expect((await list(null, answerOf(none))).page).toMatchObject({ events: [] });
  });

  it('with a word on what the key lacks, and patience', async () => {
    expect((await list(null, { status: 401 })).page?.kind).toBe('refused');
    expect((await list(null, { status: 403 })).page).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('TransferService Webservice Retrieve'),
    });
    const busy = await list(null, { status: 429, headers: { 'retry-after': '5' } });
    expect(busy.page).toMatchObject({ kind: 'later', at: NOW + 5_000 });
    const classic = await list(null, answerOf([]), { api_key: 'AQEmadeKeyOfNoCompany01' });
    expect(classic).toMatchObject({ calls: [], page: { kind: 'refused', detail: expect.stringContaining('no list') } });
  });

  it('never taken for none where the answer is none, nor for ended where the link is broken', async () => {
    for (const body of ['', '<html>', '[]', '{}', '{"data":{}}'])
      await expect(list(null, { status: 200, body })).rejects.toMatchObject({ code: 'unreadable_event' });
    for (const next of [
      'nonsense',
      'https://x.example/',
      'https://x.example/?cursor=',
      'https://x.example/?cursor=a%20b',
    ])
      await expect(list(null, answerOf([], next))).rejects.toMatchObject({ code: 'unreadable_event' });
    for (const cursor of ['', '9/', 'x/', '0/a b'])
      expect((await list(cursor, answerOf([]))).page?.kind).toBe('refused');
  });

  it('are what platform webhooks bring, and no classic payments', () => {
    expect(adyen.api?.list?.covers?.('balancePlatform.transfer.updated')).toBe(true);
    expect(adyen.api?.list?.covers?.('AUTHORISATION')).toBe(false);
  });
});

describe('a listed transfer', () => {
  it('is an event of its state', () => {
    const found = identified(transfer());
    expect(found).toMatchObject({
      id: 'balancePlatform.transfer.listed:TRMADE1:booked',
      account: 'BAMADE1',
      live: true,
    });
    expect(identified(transfer({ description: 'told' })).print).toBe(found.print);
    expect(identified(transfer({ amount: { value: 1, currency: 'EUR' } })).print).not.toBe(found.print);
    expect(identified(transfer({ status: 'returned' })).id).not.toBe(found.id);
  });

  it('posts what its webhooks post', () => {
    const back = { status: 'returned', bookingDate: '2026-01-02T00:00:00Z' };
    const usd = [{ status: 'booked', mutations: [{ balance: -11_000, currency: 'USD' }] }];
    const [events] = [(transfer() as { events: object[] }).events];
    const changes = [{}, { status: 'credited' }, { status: 'returned', events: [...events, back] }, { events: usd }];
    for (const change of changes) {
      const sent = meaningOf(adyen, bodyOf('balancePlatform.transfer.updated', transfer(change)), KEY);
      expect(meaningOf(adyen, listed(transfer(change)), KEY)).toEqual(sent);
      expect(sent.kind).toBe('effects');
    }
    expect(meaningOf(adyen, listed(transfer({ balanceAccount: { id: 'BAOTHER' } })), KEY).kind).toBe('no_effect');
  });

  it('waits where it does not tell its history', () => {
    expect(meaningOf(adyen, listed(transfer({ events: undefined })), KEY)).toMatchObject({
      kind: 'deferred',
      waitingFor: 'object',
    });
  });
});

it('takes a key only beside the balance accounts whose transfers it lists', () => {
  expect(adyen.checkSettings(KEY)).toEqual([]);
  expect(adyen.checkSettings({ api_key: 'AQEmadeKeyOfNoCompany01' })).toHaveLength(1);
  expect(adyen.checkSettings({ ...KEY, api_key: 'short' })).toHaveLength(1);
});
