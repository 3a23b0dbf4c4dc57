import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Normalised, ReceivedEvent } from '../../../src/providers/provider.ts';
import { xendit } from '../../../src/providers/xendit/index.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { NOW, xenditEvent, xenditInvoice, xenditPayment } from './samples.ts';

function effects(meaning: Normalised): readonly object[] {
  if (meaning.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(meaning, (_, v) => String(v))}`);
  return meaning.effects;
}
const keys = (meaning: Normalised) => effects(meaning).map((effect) => ('key' in effect ? effect.key : ''));

/** What the request told, and what Xendit answered. */
function asked(told: Buffer, answer: object | null): Normalised {
  const event: ReceivedEvent = {
    item: 0,
    id: 'made',
    type: 'made',
    account: 'main',
    headers: [],
    body: told,
    receivedAt: NOW,
    level: 'token',
    fetched: answer === null ? null : Buffer.from(JSON.stringify(answer)),
  };
  return xendit.normalise(event, {});
}
const json = (body: object): Buffer => Buffer.from(JSON.stringify(body));
const invoice = (change: object = {}): Normalised => asked(json(xenditInvoice()), xenditInvoice(change));
const payment = (change: object = {}, event = 'payment.capture'): Normalised =>
  asked(xenditEvent(event, xenditPayment()), xenditPayment(change));

describe('whatever the request says', () => {
  it('is asked for first', () => {
    expect(asked(json(xenditInvoice()), null)).toEqual({
      kind: 'fetch',
      object: { kind: 'invoice', id: 'made0000000000000000inv1' },
      reason: expect.stringContaining('must be fetched'),
      references: [{ kind: 'invoice', id: 'made0000000000000000inv1' }],
      amount: null,
    });
    expect(asked(xenditEvent('payment.capture', xenditPayment()), null)).toMatchObject({
      object: { kind: 'payment', id: 'py-made-1' },
    });
    expect(asked(xenditEvent('refund.succeeded', { id: 'rfd-1' }), null)).toMatchObject({
      object: { kind: 'refund', id: 'rfd-1' },
    });
    expect(asked(xenditEvent('payout.succeeded', { id: 'po-1' }), null)).toMatchObject({
      object: { kind: 'transfer', id: 'po-1' },
    });
  });

  it('posts nothing where Xendit tells different things, or of another object', () => {
    for (const lie of [{ amount: 5_000_000 }, { currency: 'PHP' }, { external_id: 'made-order-2' }]) {
      expect(asked(json(xenditInvoice(lie)), xenditInvoice()), JSON.stringify(lie)).toMatchObject({
        kind: 'deferred',
        waitingFor: 'object',
        reason: expect.stringContaining(Object.keys(lie)[0] ?? ''),
      });
    }
    expect(asked(json(xenditInvoice({ amount: '50000.00' })), xenditInvoice()).kind).toBe('effects');
    for (const answer of [
      [],
      {},
      xenditInvoice({ id: 'another' }),
      xenditInvoice({ id: 'x', payment_id: 'made0000000000000000inv1' }),
    ]) {
      expect(asked(json(xenditInvoice()), answer)).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    }
  });

  it('is parked where there is nothing to ask for', () => {
    expect(asked(xenditEvent('payment_request.expiry', {}), null).kind).toBe('no_effect');
    expect(asked(json(xenditInvoice({ status: 'EXPIRED' })), null).kind).toBe('no_effect');
    for (const event of ['payment.succeeded', 'ewallet.capture', 'teleport', 'constructor']) {
      expect(asked(xenditEvent(event, { id: 'x' }), null), event).toMatchObject({
        kind: 'deferred',
        waitingFor: 'adapter',
      });
    }
    expect(asked(json(xenditInvoice({ account_holder_name: 'Made' })), null)).toMatchObject({ waitingFor: 'adapter' });
  });
});

describe('invoices', () => {
  it('are captured by what was paid: rupiah in major units', () => {
    expect(effects(invoice())).toEqual([
      {
        type: 'payment.captured',
        key: 'made0000000000000000inv1:captured',
        at: Date.UTC(2025, 11, 31, 23),
        payment: 'made0000000000000000inv1',
        amount: 5_000_000n,
        currency: 'IDR',
      },
    ]);
    expect(effects(invoice({ paid_amount: 50_001, status: 'SETTLED' }))).toMatchObject([{ amount: 5_000_100n }]);
    expect(invoice({ status: 'EXPIRED' }).kind).toBe('no_effect');
    expect(invoice({ status: 'PENDING' })).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(invoice({ status: 'TELEPORTED' })).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('wait or fail on amounts that cannot be read', () => {
    const told = (change: object): Normalised => asked(json({ ...xenditInvoice(change) }), xenditInvoice(change));
    expect(told({ currency: 'ZZZ' })).toMatchObject({ waitingFor: 'currency' });
    expect(told({ amount: null, paid_amount: null })).toMatchObject({ waitingFor: 'object' });
    expect(told({ currency: 'VND', amount: 50_000, paid_amount: 50_000 }).amount).toEqual({
      amount: 50_000n,
      currency: 'VND',
    });
    for (const amount of [-1, 0.001, 1e30]) {
      expect(() => told({ amount, paid_amount: amount })).toThrow(expect.objectContaining({ code: 'amount_invalid' }));
    }
  });
});

describe('payments', () => {
  it('go by the status that Xendit tells', () => {
    expect(effects(payment())).toMatchObject([
      { type: 'payment.captured', key: 'py-made-1:captured', amount: 1_000_000n, currency: 'PHP' },
    ]);
    expect(keys(payment({ status: 'AUTHORIZED' }, 'payment.authorization'))).toEqual(['py-made-1:authorised']);
    expect(keys(payment({ status: 'FAILED' }, 'payment.failure'))).toEqual(['py-made-1:failed']);
    expect(keys(payment({ status: 'CANCELED' }))).toEqual(['py-made-1:cancelled']);
    expect(keys(payment({ status: 'EXPIRED' }, 'payment.expiry'))).toEqual(['py-made-1:cancelled']);
    expect(payment({ status: 'PENDING' })).toMatchObject({ waitingFor: 'object' });
    expect(payment({ status: 'TELEPORTED' })).toMatchObject({ waitingFor: 'adapter' });
  });

  it('are captured in parts by their captures, and whole under their own id however the answer tells it', () => {
    const part = (capture_id: string, capture_amount: number): object => ({ capture_id, capture_amount });
    expect(keys(payment({ captures: [part('cap-1', 10_000)] }))).toEqual(keys(payment()));
    const both = payment({ captures: [part('cap-1', 6_000), part('cap-2', 4_000)] });
    expect(effects(both)).toMatchObject([
      { key: 'cap-1:captured', payment: 'py-made-1', amount: 600_000n, authorisation: { final: true } },
      { key: 'cap-2:captured', amount: 400_000n },
    ]);
    const first = payment({ status: 'AUTHORIZED', captures: [part('cap-1', 6_000)] });
    expect(keys(first)).toEqual(['py-made-1:authorised', 'cap-1:captured']);
    expect(payment({ captures: [{ capture_amount: 5 }] })).toMatchObject({ waitingFor: 'object' });
  });

  it('by virtual account are there once they are paid', () => {
    const paid = {
      payment_id: 'va-made-1',
      callback_virtual_account_id: 'cva-1',
      id: 'x',
      external_id: 'made-order-1',
      amount: 20_000,
      currency: 'IDR',
      transaction_timestamp: '2026-01-01T00:00:00Z',
    };
    expect(effects(asked(json(paid), paid))).toMatchObject([
      { type: 'payment.captured', key: 'va-made-1:captured', amount: 2_000_000n, at: NOW },
    ]);
  });
});

describe('refunds and payouts', () => {
  it('refunds go by their status', () => {
    const refund = (status: string): Normalised => {
      const object = { id: 'rfd-made-1', payment_id: 'py-made-1', amount: 100.5, currency: 'PHP', status };
      return asked(xenditEvent('refund.succeeded', object), object);
    };
    expect(effects(refund('SUCCEEDED'))).toMatchObject([
      { type: 'refund.succeeded', key: 'rfd-made-1:succeeded', payment: 'py-made-1', amount: 10_050n },
    ]);
    expect(keys(refund('PENDING'))).toEqual(['rfd-made-1:created']);
    expect(keys(refund('FAILED'))).toEqual(['rfd-made-1:failed']);
    expect(refund('TELEPORTED')).toMatchObject({ waitingFor: 'adapter' });
  });

  it('payouts go to an account that stays out of the ledger, and may come back', () => {
    const payout = (status: string): Normalised => {
      const channel_properties = { account_number: '0690000033' };
      const object = {
        id: 'po-made-1',
        amount: 7_500,
        currency: 'IDR',
        status,
        channel_code: 'ID_BCA',
        channel_properties,
      };
      return asked(xenditEvent('payout.succeeded', object), { ...object, created: '2026-01-01T00:00:00Z' });
    };
    const [created] = effects(payout('SUCCEEDED'));
    expect(created).toMatchObject({ type: 'transfer.created', key: 'po-made-1:created', amount: 750_000n });
    expect(JSON.stringify(created, (_, v) => String(v))).not.toContain('0690000033');
    expect(effects(payout('REVERSED'))).toMatchObject([created ?? {}, { key: 'po-made-1:reversed' }]);
    for (const status of ['FAILED', 'ACCEPTED', 'CANCELLED']) expect(payout(status).kind, status).toBe('no_effect');
    expect(payout('TELEPORTED')).toMatchObject({ waitingFor: 'adapter' });
  });
});

const file = samplesFolder('webhooks', 'xendit', 'vectors.json');
it.skipIf(!existsSync(file))('asks for the invoices of the vectors, and posts them as fetched', () => {
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as { body_base64: string }[];
  for (const { body_base64 } of vectors) {
    const body = Buffer.from(body_base64, 'base64');
    expect(asked(body, null)).toMatchObject({ object: { kind: 'invoice', id: '579c8d61f23fa4ca35e52da4' } });
    const meaning = asked(body, JSON.parse(body.toString()) as object);
    expect(effects(meaning)).toMatchObject([{ key: '579c8d61f23fa4ca35e52da4:captured', amount: 5_000_000n }]);
  }
});
