import { describe, expect, it } from 'vitest';
import type { IdentifiedEvent } from '../../../src/providers/provider.ts';
import { identify } from '../../../src/providers/stripe/identify.ts';
import { stripeCharge, stripeEvent } from './samples.ts';

const found = (body: Buffer): ReturnType<typeof identify> =>
  identify({ method: 'POST', url: 'https://x.example/', headers: [], body });

function event(body: Buffer): IdentifiedEvent {
  const result = found(body);
  const first = result.kind === 'events' ? result.events[0] : undefined;
  if (first === undefined) throw new Error(result.kind);
  return first;
}

const thin = (change: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      id: 'evt_test_65',
      object: 'v2.core.event',
      type: 'v1.charge.succeeded',
      created: '2026-01-01T00:00:01.250Z',
      livemode: false,
      context: 'org_1/acct_9',
      related_object: { id: 'ch_1', type: 'charge', url: '/v1/charges/ch_1' },
      ...change,
    }),
  );

describe('identify (Stripe)', () => {
  it('reads a snapshot event, Connect account included', () => {
    expect(event(stripeEvent('charge.succeeded', stripeCharge(), { id: 'evt_7', account: 'acct_5' }))).toMatchObject({
      item: 0,
      id: 'evt_7',
      idSigned: true,
      transmissionId: null,
      type: 'charge.succeeded',
      apiVersion: '2025-10-29.clover',
      live: true,
      account: 'acct_5',
      occurredAt: 1_767_225_590_000,
    });
    expect(event(stripeEvent('charge.succeeded', stripeCharge())).account).toBeNull();
  });

  it('reads a thin event: ISO time, the account from its context', () => {
    expect(event(thin())).toMatchObject({
      id: 'evt_test_65',
      live: false,
      account: 'acct_9',
      apiVersion: null,
      occurredAt: 1_767_225_601_250,
    });
    expect(event(thin({ context: 'acct_3' })).account).toBe('acct_3');
    expect(event(thin({ context: null })).account).toBeNull();
    expect(event(thin({ context: 'org_1' })).account).toBeNull();
    expect(event(thin({ created: 'yesterday' })).occurredAt).toBeNull();
  });

  it('drops a byte-order mark, and takes the last of duplicate names as JSON.parse does', () => {
    const body = stripeEvent('charge.succeeded', stripeCharge());
    expect(event(Buffer.concat([Buffer.from('\ufeff'), body])).id).toBe('evt_1Made00000000001');
    expect(event(Buffer.from('{"id":"evt_1","id":"evt_2"}'))).toMatchObject({
      id: 'evt_2',
      type: 'unknown',
      live: null,
      occurredAt: null,
    });
  });

  it('calls unreadable what is no event, and never throws', () => {
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '"evt"',
      '7',
      '{}',
      '{"id":7}',
      '{"id":""}',
      '{"id":null}',
      '{"__proto__":{"id":"evt_1"}}',
      '[['.repeat(1e5),
    ]) {
      expect(found(Buffer.from(text)).kind, text.slice(0, 40)).toBe('unreadable');
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('takes a strange mode, time or account for none', () => {
    const odd = event(
      stripeEvent('charge.succeeded', {}, { livemode: 'true', created: null, account: 5, api_version: null }),
    );
    expect(odd).toMatchObject({ live: null, occurredAt: null, account: null, apiVersion: null });
  });

  it('leaves out of the content what changes between tries, and nothing else', () => {
    const content = (change: object, charge: object = {}): string =>
      event(stripeEvent('charge.succeeded', stripeCharge(charge), change))
        .fingerprint()
        .toString('hex');
    const first = content({});
    expect(content({ pending_webhooks: 0 })).toBe(first);
    expect(content({ request: null })).toBe(first);
    for (const change of [{ type: 'charge.updated' }, { livemode: false }, { account: 'acct_5' }, { created: 1 }]) {
      expect(content(change), JSON.stringify(change)).not.toBe(first);
    }
    expect(content({}, { amount: 1 })).not.toBe(first);
    expect(content({}, { metadata: {} })).not.toBe(first);
    // Beyond 2^53 a JS number would fold these two into one.
    expect(content({}, { amount: '9007199254740993' })).not.toBe(content({}, { amount: '9007199254740992' }));
  });

  it('has a fingerprint for what only JSON.parse can read', () => {
    const body = Buffer.from('{"id":"evt_1","note":"\\ud800"}');
    expect(event(body).fingerprint()).toEqual(event(Buffer.from(body)).fingerprint());
    expect(event(Buffer.from('{"id":"evt_1","note":"\\ud801"}')).fingerprint()).not.toEqual(event(body).fingerprint());
  });
});
