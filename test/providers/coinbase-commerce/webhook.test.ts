import { expect, it } from 'vitest';
import { coinbaseCommerce } from '../../../src/providers/coinbase-commerce/index.ts';
import { hmacSha256 } from '../../../src/providers/signature.ts';
import { expectNoForgery } from '../../support/forged-requests.ts';
import { chargeEvent, madeCharge, NOW, samples } from './samples.ts';

const [KEY] = samples.secrets;
const body = chargeEvent('charge:confirmed', madeCharge());
const signed = samples.sign(body, KEY, NOW);

it('refuses another writing of the right signature', () => {
  const mac = hmacSha256(KEY, body).toString('hex');
  for (const text of [
    mac.toUpperCase(),
    ` ${mac}`,
    `${mac}00`,
    mac.slice(2),
    hmacSha256(KEY, body).toString('base64'),
  ]) {
    const request = { ...signed, headers: [['x-cc-webhook-signature', text]] as const };
    expect(coinbaseCommerce.verify(request, samples.context([KEY], NOW)), text).toMatchObject({
      reason: 'signature_malformed',
    });
  }
});

it('takes nothing for a body or header that nobody signed', () => expectNoForgery(samples));

it('takes the event’s id, not the attempt’s', () => {
  const nameless = {
    ...signed,
    body: Buffer.from('{"id":"x","attempt_number":1,"event":{"type":"charge:confirmed"}}'),
  };
  expect(coinbaseCommerce.identify(nameless, {}).kind).toBe('unreadable');
  expect(coinbaseCommerce.identify(signed, {})).toMatchObject({
    events: [{ id: 'made-event-1', type: 'charge:confirmed', apiVersion: '2018-03-22', occurredAt: NOW }],
  });
});

it('says what is wrong with settings and secrets', () => {
  expect(coinbaseCommerce.checkSettings({ tolerance_s: 300 })).not.toEqual([]);
  for (const secret of ['', 'short', 'with a blank in the middle'])
    expect(coinbaseCommerce.checkSecret(secret)).not.toBeNull();
});
