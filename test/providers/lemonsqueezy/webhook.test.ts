import { expect, it } from 'vitest';
import { lemonsqueezy } from '../../../src/providers/lemonsqueezy/index.ts';
import type { IdentifiedEvent } from '../../../src/providers/provider.ts';
import { hmacSha256 } from '../../../src/providers/signature.ts';
import { expectNoForgery } from '../../support/forged-requests.ts';
import { madeOrder, NOW, samples, squeezyEvent } from './samples.ts';

const [KEY] = samples.secrets;
const body = squeezyEvent('order_created', 'orders', madeOrder());
const signed = samples.sign(body, KEY, NOW);

function only(of: Buffer): IdentifiedEvent {
  const found = lemonsqueezy.identify({ ...signed, body: of }, {});
  const event = found.kind === 'events' ? found.events[0] : undefined;
  if (event === undefined) throw new Error('no event');
  return event;
}

it('refuses another writing of the right signature', () => {
  const mac = hmacSha256(KEY, body);
  for (const text of [mac.toString('hex').toUpperCase(), `sha256=${mac.toString('hex')}`, `${mac.toString('hex')}0`]) {
    const request = { ...signed, headers: [['x-signature', text]] as const };
    expect(lemonsqueezy.verify(request, samples.context([KEY], NOW)), text).toMatchObject({
      reason: 'signature_malformed',
    });
  }
});

it('takes nothing for a body or header that nobody signed', () => expectNoForgery(samples));

it('makes an id of the signed body: name, object and version', () => {
  expect(only(body)).toMatchObject({
    id: 'order_created:orders:11:2026-01-01T00:00:01.000000Z',
    type: 'order_created',
    account: '77',
    live: true,
  });
  const later = squeezyEvent('order_created', 'orders', madeOrder({ updated_at: '2026-01-01T00:00:02.000000Z' }));
  expect(only(later).id).not.toBe(only(body).id);
  expect(only(squeezyEvent('order_refunded', 'orders', madeOrder())).id).not.toBe(only(body).id);
  const bare = (total: number): string =>
    only(squeezyEvent('order_created', 'orders', madeOrder({ updated_at: undefined, total }))).id;
  expect(bare(1)).not.toBe(bare(2));
});

it('does not take the unsigned header for the event’s name', () => {
  const request = { ...signed, headers: [['x-event-name', 'order_refunded']] as const, body };
  expect(lemonsqueezy.identify(request, {})).toMatchObject({ events: [{ type: 'order_created' }] });
  const nameless = { ...request, body: Buffer.from('{"data":{"type":"orders","id":"1"}}') };
  expect(lemonsqueezy.identify(nameless, {}).kind).toBe('unreadable');
});

it('knows test mode from the object, then from meta', () => {
  expect(only(squeezyEvent('order_created', 'orders', madeOrder({ test_mode: true }))).live).toBe(false);
  expect(only(squeezyEvent('order_created', 'orders', madeOrder({ test_mode: undefined }))).live).toBe(true);
});

it('says what is wrong with settings and secrets', () => {
  expect(lemonsqueezy.checkSettings({ tolerance_s: 300 })).not.toEqual([]);
  for (const secret of ['short', 'x'.repeat(41)]) expect(lemonsqueezy.checkSecret(secret)).not.toBeNull();
});
