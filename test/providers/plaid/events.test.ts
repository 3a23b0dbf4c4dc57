import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { plaid } from '../../../src/providers/plaid/index.ts';
import type { Normalised } from '../../../src/providers/provider.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { NOW, plaidBody, transferEvent } from './samples.ts';

const TRANSFER = '00000000-0000-4000-8000-00000000000a';
const AT = Date.UTC(2025, 11, 31, 23);

type Found = { transfer_events?: object[]; refunds?: object[]; sweeps?: object[] };

function meaning(found: Found): Normalised {
  return plaid.normalise(
    {
      item: 0,
      id: 'made',
      type: 'made',
      account: 'main',
      headers: [],
      body: plaidBody(),
      receivedAt: NOW,
      level: 'body',
      fetched: Buffer.from(JSON.stringify(found)),
    },
    {},
  );
}

function effects(of: Normalised): readonly { type: string; key: string }[] {
  if (of.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(of, (_, v) => String(v))}`);
  return of.effects;
}
const told = (...events: object[]): Normalised => meaning({ transfer_events: events.map((one) => transferEvent(one)) });

describe('the hint', () => {
  it('is looked into once its minute is over', () => {
    expect(meaningOf(plaid, plaidBody(), {}, 0, NOW)).toEqual({
      kind: 'fetch',
      object: { kind: 'transfer_events', id: 'recent' },
      reason: expect.any(String),
      notBefore: NOW + 61_000,
      references: [],
      amount: null,
    });
  });

  it('of other products moves no money, and of what nobody knows waits', () => {
    const about = (webhook_type: string, webhook_code = 'X') =>
      meaningOf(plaid, plaidBody({ webhook_type, webhook_code }));
    for (const type of ['TRANSACTIONS', 'ITEM', 'AUTH', 'IDENTITY_VERIFICATION', 'BANK_TRANSFERS'])
      expect(about(type).kind, type).toBe('no_effect');
    expect(about('TRANSFER', 'RECURRING_NEW_TRANSFER').kind).toBe('no_effect');
    for (const type of ['TELEPORT', 'PAYMENT_INITIATION', 'TRANSFER', 'constructor'])
      expect(about(type), type).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });
});

describe('debits', () => {
  it('are captured when they settled, whichever event says so', () => {
    const captured = {
      type: 'payment.captured',
      key: `${TRANSFER}:captured`,
      at: AT,
      payment: TRANSFER,
      amount: 1234n,
      currency: 'USD',
    };
    expect(effects(told({}))).toEqual([captured]);
    expect(effects(told({ event_type: 'funds_available' }))).toEqual([captured]);
    expect(
      effects(told({ event_type: 'pending' }, { event_type: 'posted' }, {}, { event_type: 'funds_available' })),
    ).toEqual([captured]);
  });

  it('are taken back when they return, in whatever order that is told', () => {
    const reversed = {
      type: 'payment.reversed',
      key: `${TRANSFER}:reversed`,
      captureKey: `${TRANSFER}:captured`,
      amount: 1234n,
    };
    expect(effects(told({ event_type: 'returned' }))).toMatchObject([reversed]);
    expect(effects(told({ event_type: 'returned' }, {}))).toMatchObject([reversed, { type: 'payment.captured' }]);
  });

  it('move nothing before, or when they fail', () => {
    for (const event_type of ['pending', 'posted', 'guaranteed', 'swept', 'swept_settled', 'return_swept'])
      expect(told({ event_type }).kind, event_type).toBe('no_effect');
    expect(effects(told({ event_type: 'failed' }))).toMatchObject([{ type: 'payment.failed' }]);
    expect(effects(told({ event_type: 'cancelled' }))).toMatchObject([{ type: 'payment.cancelled' }]);
  });

  it('keep their amounts exact', () => {
    expect(effects(told({ transfer_amount: '90071992547409.93' }))).toMatchObject([{ amount: 9007199254740993n }]);
    for (const transfer_amount of ['-1.00', '1.001', '1e3', 'x', '9'.repeat(30)])
      expect(() => told({ transfer_amount }), transfer_amount).toThrow(
        expect.objectContaining({ code: 'amount_invalid' }),
      );
    expect(told({ iso_currency_code: 'XXX' })).toMatchObject({ kind: 'deferred', waitingFor: 'currency' });
  });
});

describe('credits', () => {
  const credit = (event_type: string) => told({ event_type, transfer_type: 'credit' });

  it('pay whom the account belongs to, and come back', () => {
    const created = {
      type: 'transfer.created',
      key: `${TRANSFER}:created`,
      transfer: TRANSFER,
      seller: 'madeAccount1',
    };
    expect(effects(credit('settled'))).toMatchObject([{ ...created, amount: 1234n }]);
    expect(effects(credit('returned'))).toMatchObject([
      created,
      { type: 'transfer.reversed', key: `${TRANSFER}:reversed`, transfer: TRANSFER, amount: 1234n },
    ]);
    for (const type of ['posted', 'failed', 'cancelled']) expect(credit(type).kind, type).toBe('no_effect');
  });
});

describe('refunds', () => {
  const refund = (status: string) =>
    meaning({
      transfer_events: [transferEvent({ event_type: `refund.${status}`, refund_id: 'r1', transfer_amount: '99.00' })],
      refunds: [{ id: 'r1', transfer_id: TRANSFER, amount: '5.00', status, created: '2025-12-30T00:00:00Z' }],
    });

  it('are told by their own object, not by the amount of an event', () => {
    expect(effects(refund('settled'))).toEqual([
      {
        type: 'refund.succeeded',
        key: 'r1:succeeded',
        at: AT,
        refund: 'r1',
        payment: TRANSFER,
        amount: 500n,
        currency: 'USD',
      },
    ]);
    for (const status of ['pending', 'posted'])
      expect(effects(refund(status))).toMatchObject([{ type: 'refund.created' }]);
    for (const status of ['failed', 'cancelled', 'returned'])
      expect(effects(refund(status))).toMatchObject([{ type: 'refund.failed', key: 'r1:failed' }]);
    expect(refund('constructor').kind).toBe('no_effect');
    // The object was not found: its event alone posts nothing.
    expect(told({ event_type: 'refund.settled', refund_id: 'r1' }).kind).toBe('no_effect');
    // "A non-null value indicates the event is for the associated refund", whatever its type.
    expect(told({ event_type: 'returned', refund_id: 'r1' }).kind).toBe('no_effect');
  });
});

describe('sweeps', () => {
  const sweep = (status: string, amount: string | null = '100.00') =>
    meaning({
      transfer_events: [transferEvent({ event_type: `sweep.${status}`, sweep_id: 's1', transfer_id: '' })],
      sweeps: [{ id: 's1', amount, status, created: '2025-12-30T00:00:00Z', iso_currency_code: 'USD' }],
    });

  it('are payouts, or draw from our bank', () => {
    for (const status of ['posted', 'settled', 'funds_available'])
      expect(effects(sweep(status))).toMatchObject([
        { type: 'payout.created', key: 's1:created', payout: 's1', amount: 10000n, at: Date.UTC(2025, 11, 30) },
      ]);
    expect(effects(sweep('settled', '-100.00'))).toMatchObject([{ amount: -10000n }]);
    expect(sweep('pending').kind).toBe('no_effect');
    // Netted to nothing.
    expect(sweep('settled', null).kind).toBe('no_effect');
  });

  it('fail and return', () => {
    expect(effects(sweep('failed'))).toMatchObject([{ type: 'payout.failed', key: 's1:failed', at: AT }]);
    expect(effects(sweep('returned'))).toMatchObject([{ type: 'payout.returned', key: 's1:returned' }]);
  });
});

describe('a list of events', () => {
  it('posts what is known of it, and waits only when nothing is', () => {
    expect(effects(told({ event_type: 'teleported' }, {}))).toHaveLength(1);
    for (const change of [
      { event_type: 'teleported' },
      { event_type: 'constructor' },
      { transfer_id: null },
      { transfer_amount: null },
      { transfer_type: 'sideways' },
      { transfer_type: 'credit', account_id: null },
    ])
      expect(told(change), JSON.stringify(change)).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('is bounded, and may be empty', () => {
    expect(meaning({}).kind).toBe('no_effect');
    expect(told(...Array.from({ length: 5_001 }, () => ({})))).toMatchObject({ kind: 'deferred' });
    const many = told(...Array.from({ length: 200 }, (_, i) => ({ transfer_id: `t${i}` })));
    expect(effects(many)).toHaveLength(200);
    expect(many.references).toHaveLength(50);
    expect(many.references[0]).toEqual({ kind: 'payment', id: 't0' });
  });
});

const vectors = samplesFolder('webhooks', 'plaid', 'vectors.json');
describe.skipIf(!existsSync(vectors))('the vectors', () => {
  const all = existsSync(vectors)
    ? (JSON.parse(readFileSync(vectors, 'utf8')) as { name: string; body_base64: string }[])
    : [];

  it.each(all)('$name: bank data moves no money', ({ body_base64 }) => {
    expect(meaningOf(plaid, Buffer.from(body_base64, 'base64')).kind).toBe('no_effect');
  });
});
