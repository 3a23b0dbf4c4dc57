import { describe, expect, it } from 'vitest';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { wise } from '../../../src/providers/wise/index.ts';
import { apiContext } from '../../support/api-context.ts';
import { NOW, SETTINGS, transferAnswer } from './samples.ts';

const RANGE = { from: NOW - 3_600_000, to: NOW };
const transfer = (change: object = {}): string =>
  transferAnswer(8001, 9002, { created: '2025-12-31 23:30:00', quoteUuid: 'q1', ...change }).toString();

async function list(body: string, cursor: string | null = null, settings: EndpointSettings = SETTINGS) {
  const { context, calls } = apiContext(settings, NOW, () => ({ status: 200, body }));
  return { page: await wise.api?.list?.page(RANGE, cursor, context), calls };
}

function read(body: string, headers: [string, string][] = [], fetched: object | null = null) {
  const found = wise.identify({ method: 'GET', url: '/', headers, body: Buffer.from(body) }, SETTINGS);
  if (found.kind !== 'events' || found.events[0] === undefined) return found.kind;
  const { item, id, type } = found.events[0];
  const told = { item, id, type, account: '7001', headers, receivedAt: NOW, level: 'body' } as const;
  const answer = fetched === null ? null : Buffer.from(JSON.stringify(fetched));
  return { id, meaning: wise.normalise({ ...told, body: Buffer.from(body), fetched: answer }, SETTINGS) };
}

describe('the list of transfers', () => {
  it('is asked for each profile in turn, up to an empty page', async () => {
    const first = await list(`[${transfer()},\n${transfer({ status: 'processing' })}]`);
    const query = 'createdDateStart=2025-12-31T23%3A00%3A00.000Z&createdDateEnd=2026-01-01T00%3A00%3A00.000Z&limit=100';
    expect(first.calls).toMatchObject([
      { host: 'api.wise-sandbox.com', path: `/v1/transfers?profile=7001&${query}&offset=0` },
    ]);
    const at = NOW - 1_800_000;
    expect(first.page).toMatchObject({ events: [{ at, account: '7001', live: false, object: true }], next: '0/2' });
    expect((await list('[]', '0/2')).page).toMatchObject({ events: [], next: '1/0' });
    const last = await list('[]', '1/0');
    expect(last.calls[0]?.path).toContain('profile=7002');
    expect(last.page).toMatchObject({ next: null });
  });

  it('gives each transfer in its own bytes', async () => {
    const told = transfer().replace('100.5', '90071992547409.93').replace('{', '{ "x" : 1.10,');
    const { page } = await list(`[ ${told} ]`);
    expect(page?.kind === 'page' ? page.events[0]?.body.toString() : '').toBe(told);
    expect(read(told, [], { id: 'q1', payOut: 'SWIFT' })).toMatchObject({
      meaning: { effects: [{ amount: 9_007_199_254_740_993n }] },
    });
  });

  it('is refused where the profiles or the cursor are none', async () => {
    for (const cursor of ['', '2/0', '0', '0/-1', '0/0&x=1'])
      expect((await list('[]', cursor)).page).toMatchObject({ kind: 'refused' });
    expect((await list('[]', null, { ...SETTINGS, accounts: ['a&b'] })).page).toMatchObject({ kind: 'refused' });
  });
});

describe('a listed transfer', () => {
  it('waits for its quote, which says whether it goes to our own balance', () => {
    expect(read(transfer())).toMatchObject({
      id: 'transfer:8001:outgoing_payment_sent',
      meaning: { kind: 'fetch', object: { kind: 'quote', id: '7001/q1' } },
    });
    expect(read(transfer(), [], { id: 'q1', payOut: 'BALANCE' })).toMatchObject({ meaning: { kind: 'no_effect' } });
    for (const answer of [{ id: 'q2', payOut: 'SWIFT' }, { id: 'q1' }])
      expect(read(transfer(), [], answer)).toMatchObject({ meaning: { kind: 'deferred', waitingFor: 'object' } });
    expect(read(transfer({ quoteUuid: null }))).toMatchObject({ meaning: { kind: 'deferred' } });
  });

  it('is none where it came signed: the key signs for every customer of Wise', () => {
    expect(read(transfer(), [['x-signature-sha256', 'AA==']])).toBe('unreadable');
  });

  it('is another event in another state', () => {
    expect(read(transfer({ status: 'funds_refunded' }))).toMatchObject({ id: 'transfer:8001:funds_refunded' });
  });

  it('asks for no quote but one of a profile', async () => {
    const { context, calls } = apiContext(SETTINGS, NOW, () => ({ status: 200, body: '{}' }));
    await wise.api?.fetchObject({ kind: 'quote', id: '7001/a?b' }, context);
    expect(calls[0]?.path).toBe('/v3/profiles/7001/quotes/a%3Fb');
    for (const id of ['q1', '7001/q1/x'])
      expect(await wise.api?.fetchObject({ kind: 'quote', id }, context)).toMatchObject({ kind: 'missing' });
  });
});
