import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Normalised } from '../../../src/providers/provider.ts';
import { wise } from '../../../src/providers/wise/index.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { NOW, SETTINGS, stateChange, transferAnswer, wiseEvent } from './samples.ts';

function meaning(body: Buffer, fetched: Buffer | null = null): Normalised {
  return wise.normalise(
    { item: 0, id: 'x', type: 'x', account: '7001', headers: [], body, receivedAt: NOW, level: 'body', fetched },
    SETTINGS,
  );
}

function effects(found: Normalised): readonly object[] {
  if (found.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(found, (_, v) => String(v))}`);
  return found.effects;
}

describe('transfers', () => {
  it('are fetched, because the event holds ids only', () => {
    for (const state of ['outgoing_payment_sent', 'funds_refunded']) {
      expect(meaning(stateChange(state))).toMatchObject({ kind: 'fetch', object: { kind: 'transfer', id: '8001' } });
    }
  });

  it('to our own bank are payouts, in two currencies', () => {
    const sent = {
      key: '8001:created',
      at: Date.UTC(2025, 11, 31, 23),
      payout: '8001',
      amount: 10_050n,
      currency: 'GBP',
      settled: { amount: 11_517n, currency: 'EUR' },
    };
    expect(effects(meaning(stateChange('outgoing_payment_sent'), transferAnswer(8001)))).toEqual([
      { type: 'payout.created', ...sent },
    ]);
    expect(effects(meaning(stateChange('funds_refunded'), transferAnswer(8001)))).toEqual([
      { ...sent, type: 'payout.failed', key: '8001:failed' },
    ]);
    const same = transferAnswer(8001, 9001, { targetCurrency: 'GBP', targetValue: 100.5 });
    expect(effects(meaning(stateChange('outgoing_payment_sent'), same))[0]).not.toHaveProperty('settled');
  });

  it('to others are what they were owed, and come back', () => {
    const told = transferAnswer(8001, 9002);
    expect(effects(meaning(stateChange('outgoing_payment_sent', 8001, 9002), told))).toMatchObject([
      {
        type: 'transfer.created',
        key: '8001:created',
        transfer: '8001',
        seller: '9002',
        amount: 10_050n,
        currency: 'GBP',
      },
    ]);
    expect(effects(meaning(stateChange('funds_refunded', 8001, 9002), told))).toMatchObject([
      { type: 'transfer.created', key: '8001:created' },
      { type: 'transfer.reversed', key: '8001:reversed' },
    ]);
  });

  it('post one refund, told by either event', () => {
    const resource = {
      type: 'transfer',
      id: 8001,
      profile_id: 7001,
      account_id: 9001,
      refund_amount: 1,
      refund_currency: 'GBP',
    };
    const refund = wiseEvent('transfers#refund', { resource });
    expect(meaning(refund).kind).toBe('fetch');
    expect(effects(meaning(refund, transferAnswer(8001)))).toEqual(
      effects(meaning(stateChange('funds_refunded'), transferAnswer(8001))),
    );
  });

  it('move nothing while they wait, are processed, bounce or are cancelled', () => {
    for (const state of ['incoming_payment_waiting', 'processing', 'funds_converted', 'bounced_back', 'cancelled']) {
      expect(meaning(stateChange(state)).kind, state).toBe('no_effect');
    }
    expect(meaning(stateChange('charged_back'))).toMatchObject({ waitingFor: 'adapter' });
    expect(meaning(wiseEvent('transfers#state-change', {}))).toMatchObject({ waitingFor: 'adapter' });
  });

  it('post nothing of an answer that is not right', () => {
    const body = stateChange('outgoing_payment_sent');
    const refused = (change: object, code: string) =>
      expect(() => meaning(body, transferAnswer(8001, 9001, change))).toThrow(expect.objectContaining({ code }));
    refused({ id: 8002 }, 'unreadable_event');
    refused({ sourceValue: undefined }, 'unreadable_event');
    refused({ sourceValue: -1 }, 'amount_invalid');
    refused({ sourceValue: 1.005 }, 'amount_invalid');
    refused({ sourceValue: 1e25 }, 'amount_invalid');
    expect(meaning(body, transferAnswer(8001, 9001, { targetCurrency: 'XTS' }))).toMatchObject({
      waitingFor: 'currency',
    });
    expect(() => meaning(body, Buffer.from('<html>'))).toThrow(expect.objectContaining({ code: 'unreadable_event' }));
  });

  it('keep amounts beyond 2^53', () => {
    const told = transferAnswer(8001).toString().replace('100.5', '90071992547409.93');
    expect(meaning(stateChange('outgoing_payment_sent'), Buffer.from(told)).amount?.amount).toBe(
      9_007_199_254_740_993n,
    );
  });
});

describe('everything else', () => {
  it('tells of the balance, which its statement posts', () => {
    const data = { resource: { id: 2, profile_id: 7001, type: 'balance-account' }, amount: 70.5, currency: 'GBP' };
    for (const type of ['balances#credit', 'balances#update', 'swift-in#credit']) {
      expect(meaning(wiseEvent(type, data)), type).toMatchObject({
        kind: 'no_effect',
        amount: { amount: 7_050n, currency: 'GBP' },
      });
    }
    expect(meaning(wiseEvent('balances#update', { ...data, currency: 'XTS' }))).toMatchObject({
      waitingFor: 'currency',
    });
    expect(meaning(wiseEvent('balances#update', { resource: {} }))).toMatchObject({ kind: 'no_effect', amount: null });
  });

  it('is evidence, or waits for who knows what it is', () => {
    expect(meaning(wiseEvent('profiles#verification-state-change', {})).kind).toBe('no_effect');
    expect(meaning(wiseEvent('transfers#payout-failure', { transfer_id: 8001 }))).toMatchObject({
      kind: 'no_effect',
      references: [{ kind: 'transfer', id: '8001' }],
    });
    for (const type of ['bulk-settlement#payment-received', 'constructor']) {
      expect(meaning(wiseEvent(type, {})), type).toMatchObject({ waitingFor: 'adapter' });
    }
  });
});

const file = samplesFolder('webhooks', 'wise', 'vectors.json');
it.skipIf(!existsSync(file))('the vectors’ events: one waits for its money, one was sent', () => {
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as Array<{ body_base64: string }>;
  const bodies = vectors.map(({ body_base64 }) => Buffer.from(body_base64, 'base64'));
  expect(bodies.map((body) => meaning(body).kind)).toEqual(['no_effect', 'fetch']);
});
