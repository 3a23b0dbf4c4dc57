import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PosternError } from '../../../src/errors.ts';
import { stripe } from '../../../src/providers/stripe/index.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { normalise, normaliseBody } from './normalise.ts';
import { stripeEvent } from './samples.ts';

const thin = (change: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      id: 'evt_65',
      object: 'v2.core.event',
      type: 'v1.charge.succeeded',
      created: '2026-01-01T00:00:00Z',
      related_object: { id: 'ch_1', type: 'charge' },
      ...change,
    }),
  );

describe('types of events', () => {
  it('that only mention money are evidence, with a reason for people', () => {
    for (const type of [
      'payment_intent.succeeded',
      'invoice.finalized',
      'checkout.session.expired',
      'customer.updated',
      'balance.available',
      'payout.reconciliation_completed',
      'account.updated',
    ]) {
      expect(normalise(type, { id: 'x_1', object: 'x' }), type).toMatchObject({
        kind: 'no_effect',
        reason: expect.stringMatching(/\w+ \w+/),
      });
    }
  });

  it('that nobody knows, or that move money we do not book, are parked without end', () => {
    for (const type of [
      'charge.teleported',
      'issuing_transaction.created',
      'treasury.outbound_payment.posted',
      'customer.cash_balance.created',
      'climate.order.created',
      '',
      'unknown',
    ]) {
      expect(normalise(type, { id: 'x_1' }), type).toMatchObject({
        kind: 'deferred',
        waitingFor: 'adapter',
        until: null,
      });
    }
  });

  it('without an object or without a type are no crash', () => {
    expect(() => normalise('charge.succeeded', [])).toThrowError(expect.objectContaining({ code: 'unreadable_event' }));
    expect(normaliseBody(Buffer.from('{"id":"evt_1","object":"event"}'))).toMatchObject({
      kind: 'deferred',
      waitingFor: 'adapter',
    });
    expect(() => normaliseBody(Buffer.from('[]'))).toThrowError(expect.objectContaining({ code: 'unreadable_event' }));
    expect(() => normaliseBody(stripeEvent('charge.succeeded', { id: '\ud800' }))).toThrowError(PosternError);
  });

  it('read members of their own only', () => {
    const body = Buffer.from(
      '{"id":"evt_1","object":"event","type":"charge.succeeded","data":{"object":{"__proto__":{"id":"ch_1","amount":5,"currency":"eur"}}}}',
    );
    expect(() => normaliseBody(body)).toThrowError(expect.objectContaining({ code: 'unreadable_event' }));
  });
});

describe('thin events', () => {
  it('leave the posting to the snapshot they are a copy of', () => {
    expect(normaliseBody(thin({ snapshot_event: 'evt_1' }))).toMatchObject({
      kind: 'no_effect',
      reason: expect.stringContaining('evt_1'),
      references: [{ kind: 'payment', id: 'ch_1' }],
    });
  });

  it('wait for a fetch where they are the only one to tell', () => {
    expect(normaliseBody(thin())).toMatchObject({
      kind: 'fetch',
      object: { kind: 'charge', id: 'ch_1' },
      references: [{ kind: 'payment', id: 'ch_1' }],
    });
  });

  it('are evidence or parked like their snapshots', () => {
    expect(normaliseBody(thin({ type: 'v1.customer.updated' })).kind).toBe('no_effect');
    expect(normaliseBody(thin({ type: 'v2.core.event_destination.ping', related_object: null }))).toMatchObject({
      kind: 'no_effect',
      references: [],
    });
    expect(normaliseBody(thin({ type: 'v2.money_management.adjustment.created' }))).toMatchObject({
      kind: 'deferred',
      waitingFor: 'adapter',
    });
  });
});

describe('settings and secrets', () => {
  it('name the likely mistake', () => {
    expect(stripe.checkSecret('sk_live_1234567890')).toContain('API key');
    for (const secret of ['', 'whsec_', 'whsec_ab', 'whsec_abcdefghij ', 'abcdefghijkl', `whsec_${'a'.repeat(300)}`])
      expect(stripe.checkSecret(secret), secret).not.toBeNull();
    expect(stripe.checkSettings({ tolerance_s: 0 })).toEqual([{ path: '/tolerance_s', message: expect.any(String) }]);
    expect(
      stripe.checkSettings({
        mode: 'live',
        tolerance_s: 300,
        accounts: ['acct_1'],
        account: 'main',
        marketplace: 'on_capture',
      }),
    ).toEqual([]);
    const wrong = { mode: 'prod', tolerance_s: 1.5, accounts: [], account: 'a:b', marketplace: true } as never;
    expect(stripe.checkSettings(wrong)).toHaveLength(5);
  });
});

const folder = samplesFolder('webhooks', 'stripe', 'samples');

describe.skipIf(!existsSync(folder))('every sample body', () => {
  const files = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'))
    : [];
  const typeOf: Readonly<Record<string, string>> = {
    fee_refund: 'application_fee.refund.updated',
    dispute: 'charge.dispute.updated',
    invoice: 'invoice.paid',
    'checkout.session': 'checkout.session.completed',
  };

  /** Files hold an event, its `data`, or a bare object: the last two are put into an envelope. */
  function bodyOf(file: string): Buffer {
    const content = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { object?: unknown; type?: unknown };
    if (content.object === 'event' && typeof content.type === 'string') return Buffer.from(JSON.stringify(content));
    const object = (typeof content.object === 'object' ? content.object : content) as { object?: string };
    const named = /__([a-z_]+(?:\.[a-z_]+)+)\.json$/.exec(file)?.[1];
    const kind = object.object ?? 'unknown';
    return stripeEvent(named ?? typeOf[kind] ?? `${kind}.created`, object);
  }

  // Two of them write an amount as 10.00: whether that is 10 cents or 10 dollars nobody can tell, so it is refused by name.
  const DECIMALS = ['payout_custom_bank_account', 'payout_custom_card'];

  it.each(files)('%s ends in a state with a reason, and never throws', (file) => {
    if (DECIMALS.some((name) => file.includes(name))) {
      expect(() => normaliseBody(bodyOf(file))).toThrowError(expect.objectContaining({ code: 'amount_invalid' }));
      return;
    }
    const meaning = normaliseBody(bodyOf(file));
    expect(['effects', 'no_effect', 'deferred']).toContain(meaning.kind);
    if (meaning.kind !== 'effects') expect(meaning.reason.length).toBeGreaterThan(10);
  });
});
