import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { braintree } from '../../../src/providers/braintree/index.ts';
import { signForm } from '../../../src/providers/braintree/sign.ts';
import type { Normalised } from '../../../src/providers/provider.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { FIRST, type Node, notification, transaction } from './samples.ts';

type Change = { [name: string]: Node };

function effects(meaning: Normalised): readonly { type: string; key: string }[] {
  if (meaning.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(meaning, (_, v) => String(v))}`);
  return meaning.effects;
}
const types = (meaning: Normalised): string[] => effects(meaning).map(({ type }) => type);

const settled = (change: Change = {}, kind = 'transaction_settled') =>
  meaningOf(braintree, notification(kind, 'transaction', transaction(change)));
const fetched = (bytes: Buffer, answer: object): Normalised =>
  braintree.normalise(
    {
      item: 0,
      id: 'made',
      type: 'made',
      account: 'main',
      headers: [],
      body: bytes,
      receivedAt: 0,
      level: 'body',
      fetched: Buffer.from(JSON.stringify(answer)),
    },
    {},
  );

describe('sales', () => {
  it('are captured once they were submitted for settlement, under one key whoever tells it', () => {
    expect(effects(settled())).toEqual([
      {
        type: 'payment.captured',
        key: 'madetx01:captured',
        at: Date.UTC(2025, 11, 30, 11),
        payment: 'madetx01',
        amount: 1234n,
        currency: 'EUR',
      },
    ]);
    for (const status of ['submitted_for_settlement', 'settling', 'settlement_pending', 'settlement_confirmed'])
      expect(effects(settled({ status }))).toEqual(effects(settled()));
    expect(effects(settled({ status: null }, 'transaction_disbursed'))).toEqual(effects(settled()));
    expect(settled().references).toContainEqual({ kind: 'order', id: 'order-1001' });
  });

  it('are taken back when their settlement is declined, or when they are voided after they were submitted', () => {
    for (const status of ['settlement_declined', 'voided', 'failed']) {
      expect(effects(settled({ status })), status).toMatchObject([
        { type: 'payment.reversed', key: 'madetx01:reversed', captureKey: 'madetx01:captured', amount: 1234n },
      ]);
    }
    expect(types(settled({ status: 'settlement_declined', 'status-history': [] }))).toEqual(['payment.reversed']);
  });

  it('move nothing when they end before', () => {
    const never: Change = { 'status-history': [{ timestamp: '2025-12-30T10:00:00Z', status: 'authorized' }] };
    expect(types(settled({ ...never, status: 'voided' }))).toEqual(['payment.cancelled']);
    expect(types(settled({ ...never, status: 'authorization_expired' }))).toEqual(['payment.cancelled']);
    expect(types(settled({ ...never, status: 'processor_declined' }))).toEqual(['payment.failed']);
    expect(types(settled({ ...never, status: 'gateway_rejected' }))).toEqual(['payment.failed']);
    for (const status of ['authorizing', 'authorized']) expect(settled({ status }).kind).toBe('no_effect');
  });

  it('wait where they lack what they promise, or are of a kind nobody knows', () => {
    expect(settled({ 'currency-iso-code': null })).toMatchObject({
      kind: 'fetch',
      object: { kind: 'transaction', id: 'madetx01' },
    });
    expect(settled({ amount: null })).toMatchObject({ kind: 'fetch' });
    expect(settled({ id: null })).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(settled({ status: 'teleported' })).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    expect(settled({ status: 'constructor' })).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    expect(settled({ 'currency-iso-code': 'XXX' })).toMatchObject({ kind: 'deferred', waitingFor: 'currency' });
  });

  it('keep their amounts exact, in the decimals of the currency', () => {
    const amount = (text: string, currency: string) =>
      effects(settled({ amount: text, 'currency-iso-code': currency }))[0];
    expect(amount('1000', 'JPY')).toMatchObject({ amount: 1000n });
    expect(amount('1000.00', 'JPY')).toMatchObject({ amount: 1000n });
    expect(amount('1.234', 'KWD')).toMatchObject({ amount: 1234n });
    expect(amount('90071992547409.93', 'USD')).toMatchObject({ amount: 9007199254740993n });
    expect(amount('0.00', 'USD')).toMatchObject({ amount: 0n });
    for (const text of ['-1.00', '1.001', '1e3', 'NaN', ' 1', '9'.repeat(30)]) {
      expect(() => settled({ amount: text }), text).toThrow(expect.objectContaining({ code: 'amount_invalid' }));
    }
  });

  it('are retried as transactions of their own', () => {
    const retried = settled({ id: 'madetx02', 'retried-transaction-id': 'madetx01' }, 'transaction_retried');
    expect(effects(retried)).toMatchObject([{ key: 'madetx02:captured' }]);
  });
});

describe('refunds', () => {
  const credit: Change = { id: 'maderefund1', type: 'credit', 'refunded-transaction-id': 'madetx01' };

  it('are transactions of type credit', () => {
    expect(effects(settled(credit))).toMatchObject([
      { type: 'refund.succeeded', key: 'maderefund1:succeeded', refund: 'maderefund1', payment: 'madetx01' },
    ]);
    expect(types(settled({ ...credit, status: 'submitted_for_settlement' }))).toEqual(['refund.created']);
    expect(types(settled(credit, 'transaction_disbursed'))).toEqual(['refund.succeeded']);
    expect(settled(credit).references).toEqual([
      { kind: 'refund', id: 'maderefund1' },
      { kind: 'payment', id: 'madetx01' },
      { kind: 'order', id: 'order-1001' },
    ]);
  });

  it('fail, also after they were settled', () => {
    for (const status of ['processor_declined', 'settlement_declined', 'voided', 'failed'])
      expect(effects(settled({ ...credit, status }, 'refund_failed'))).toMatchObject([
        { type: 'refund.failed', key: 'maderefund1:failed', amount: 1234n },
      ]);
    // The snapshot of refund_failed may name no type at all.
    expect(types(settled({ ...credit, type: null, status: 'failed' }, 'refund_failed'))).toEqual(['refund.failed']);
  });
});

describe('subscriptions', () => {
  const charged = (transactions: readonly Node[], kind = 'subscription_charged_successfully') =>
    meaningOf(braintree, notification(kind, 'subscription', { id: 'sub1', status: 'Active', transactions }));
  const old = (n: number, change: Change = {}) => transaction({ id: `madeold${n}`, ...change });

  it('post their newest transaction, and not their history', () => {
    const newest = transaction({ status: 'submitted_for_settlement' });
    expect(effects(charged([newest, old(1), old(2)]))).toEqual(effects(settled()));
    expect(charged([newest]).references).toEqual([
      { kind: 'subscription', id: 'sub1' },
      { kind: 'payment', id: 'madetx01' },
    ]);
  });

  it('tell what was taken back since', () => {
    const meaning = charged([transaction(), old(1, { status: 'settlement_declined' }), old(2)]);
    expect(effects(meaning).map(({ key }) => key)).toEqual(['madetx01:captured', 'madeold1:reversed']);
  });

  it('move nothing when the charge failed, or when nothing was charged', () => {
    const failed = transaction({ status: 'processor_declined', 'status-history': [] });
    expect(types(charged([failed], 'subscription_charged_unsuccessfully'))).toEqual(['payment.failed']);
    expect(charged([]).kind).toBe('no_effect');
    for (const kind of ['canceled', 'expired', 'trial_ended', 'went_active', 'went_past_due', 'billing_skipped'])
      expect(charged([transaction()], `subscription_${kind}`).kind, kind).toBe('no_effect');
  });
});

describe('disputes', () => {
  const dispute = (status: string, change: Change = {}, kind = `dispute_${status}`) =>
    meaningOf(
      braintree,
      notification(kind, 'dispute', {
        id: 'd1',
        kind: 'chargeback',
        status,
        'amount-disputed': '250.0',
        'amount-won': '0.00',
        'currency-iso-code': 'USD',
        'date-opened': '2025-12-20',
        'date-won': status === 'won' ? '2025-12-31' : null,
        transaction: { id: 'madetx01', amount: '250.00' },
        ...change,
      }),
    );

  it('say in every state that the money was taken', () => {
    expect(effects(dispute('open', {}, 'dispute_opened'))).toEqual([
      {
        type: 'dispute.withdrawn',
        key: 'd1:withdrawn',
        at: Date.UTC(2025, 11, 20),
        dispute: 'd1',
        amount: 25000n,
        currency: 'USD',
      },
    ]);
    for (const status of ['disputed', 'under_review'])
      expect(effects(dispute(status))).toEqual(effects(dispute('open')));
    expect(dispute('open').references).toEqual([
      { kind: 'dispute', id: 'd1' },
      { kind: 'payment', id: 'madetx01' },
    ]);
  });

  it('are won whole or in part, and lost', () => {
    expect(effects(dispute('won', { 'amount-won': '250.00' }))).toMatchObject([
      { type: 'dispute.withdrawn' },
      { type: 'dispute.reinstated', key: 'd1:reinstated', amount: 25000n, at: Date.UTC(2025, 11, 31) },
    ]);
    expect(effects(dispute('won'))).toMatchObject([{}, { type: 'dispute.reinstated', amount: 25000n }]);
    expect(effects(dispute('won', { 'amount-won': '245.00' }))).toMatchObject([
      {},
      { type: 'dispute.reinstated', amount: 24500n },
      { type: 'dispute.lost', amount: 500n },
    ]);
    for (const status of ['lost', 'accepted', 'auto_accepted', 'expired'])
      expect(effects(dispute(status)), status).toMatchObject([
        { type: 'dispute.withdrawn' },
        { type: 'dispute.lost', key: 'd1:lost', amount: 25000n },
      ]);
  });

  it('move nothing as a retrieval, and are new objects the second time', () => {
    expect(dispute('open', { kind: 'retrieval' }).kind).toBe('no_effect');
    const second = dispute('open', { id: 'd2', kind: 'pre_arbitration', 'original-dispute-id': 'd1' });
    expect(effects(second)).toMatchObject([{ key: 'd2:withdrawn' }]);
  });

  it('wait for what they lack', () => {
    expect(dispute('open', { 'amount-disputed': null })).toMatchObject({ waitingFor: 'object' });
    expect(dispute('teleported')).toMatchObject({ waitingFor: 'adapter' });
    expect(() => dispute('open', { 'amount-disputed': '-1' })).toThrow(
      expect.objectContaining({ code: 'amount_invalid' }),
    );
  });
});

describe('disbursements', () => {
  const paid = (change: Change = {}, account: Change = {}) =>
    meaningOf(
      braintree,
      notification('disbursement', 'disbursement', {
        id: 'madedisb1',
        success: 'true',
        retry: 'false',
        amount: '100.00',
        'disbursement-date': '2025-12-31',
        'disbursement-type': 'credit',
        'merchant-account': { id: 'made', 'currency-iso-code': 'USD', 'sub-merchant-account': 'false', ...account },
        ...change,
      }),
    );

  it('are payouts', () => {
    expect(effects(paid())).toEqual([
      {
        type: 'payout.created',
        key: 'madedisb1:created',
        at: Date.UTC(2025, 11, 31),
        payout: 'madedisb1',
        amount: 10000n,
        currency: 'USD',
      },
    ]);
    expect(effects(paid({ 'disbursement-type': 'debit' }))).toMatchObject([{ amount: -10000n }]);
    expect(effects(paid({ amount: '-100.00' }))).toMatchObject([{ amount: -10000n }]);
  });

  it('fail, and are then paid as another payout', () => {
    expect(effects(paid({ success: 'false' }))).toMatchObject([
      { type: 'payout.failed', key: 'madedisb1:failed', amount: 10000n },
    ]);
    expect(effects(paid({ retry: 'true', 'disbursement-date': '2026-01-02' }))).toMatchObject([
      { type: 'payout.created', payout: 'madedisb1@2026-01-02' },
    ]);
  });

  it("are not ours when they go to a sub-merchant's bank", () => {
    expect(paid({}, { 'sub-merchant-account': 'true' }).kind).toBe('no_effect');
    expect(paid({ success: null })).toMatchObject({ waitingFor: 'object' });
    expect(paid({ amount: null })).toMatchObject({ waitingFor: 'object' });
  });
});

describe('local payments', () => {
  it('move money once there is a transaction of them', () => {
    const told = (kind: string, object: Change) =>
      meaningOf(braintree, notification(kind, kind.replaceAll('_', '-'), { 'payment-id': 'lp1', ...object }));
    expect(told('local_payment_completed', {}).kind).toBe('no_effect');
    expect(effects(told('local_payment_completed', { transaction: transaction() }))).toEqual(effects(settled()));
    expect(effects(told('local_payment_funded', { transaction: transaction() }))).toEqual(effects(settled()));
    for (const kind of ['local_payment_reversed', 'local_payment_expired'])
      expect(told(kind, {}).kind).toBe('no_effect');
  });
});

describe('what was fetched', () => {
  const incomplete = notification('transaction_disbursed', 'transaction', { id: 'madetx01', amount: '100' });

  it('is believed instead of the snapshot', () => {
    const answer = { transaction: { ...transaction(), 'status-history': [] } };
    expect(effects(fetched(incomplete, answer))).toMatchObject([{ key: 'madetx01:captured', amount: 1234n }]);
  });

  it('is never asked for again', () => {
    expect(fetched(incomplete, {}).kind).toBe('deferred');
    expect(fetched(incomplete, { transaction: { id: 'madetx01' } })).toMatchObject({
      kind: 'deferred',
      waitingFor: 'object',
    });
  });
});

it('takes evidence for evidence, and parks what it does not know', () => {
  const about = (kind: string) => meaningOf(braintree, notification(kind, 'thing', { id: 'x' }));
  for (const kind of [
    'check',
    'transaction_reviewed',
    'payment_method_revoked_by_customer',
    'payment_method_customer_data_updated',
    'oauth_access_revoked',
    'partner_merchant_connected',
    'connected_merchant_status_transitioned',
    'granted_payment_instrument_update',
    'account_updater_daily_report',
  ])
    expect(about(kind).kind, kind).toBe('no_effect');
  for (const kind of ['transaction_teleported', 'subscriptions', 'dispute_opened', 'constructor'])
    expect(about(kind), kind).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
});

const folder = samplesFolder('webhooks', 'braintree', 'samples');
describe.skipIf(!existsSync(folder))('the samples', () => {
  /** The library's samples name few currencies: real snapshots do, and these are then fetched. */
  const EXPECTED: Readonly<Record<string, string>> = {
    check: 'no_effect',
    disbursement: 'payout.created',
    dispute_accepted: 'dispute.withdrawn dispute.reinstated dispute.lost',
    dispute_expired: 'dispute.withdrawn dispute.reinstated dispute.lost',
    dispute_lost: 'dispute.withdrawn dispute.reinstated dispute.lost',
    dispute_opened: 'dispute.withdrawn',
    dispute_under_review: 'dispute.withdrawn',
    dispute_won: 'dispute.withdrawn dispute.reinstated dispute.lost',
    local_payment_completed: 'no_effect',
    local_payment_reversed: 'no_effect',
    payment_method_revoked_by_customer: 'no_effect',
    refund_failed: 'fetch',
    subscription_canceled: 'no_effect',
    subscription_charged_successfully: 'fetch',
    subscription_charged_unsuccessfully: 'no_effect',
    transaction_disbursed: 'fetch',
    transaction_retried: 'payment.captured',
    transaction_reviewed: 'no_effect',
    transaction_settled: 'payment.captured',
    transaction_settlement_declined: 'payment.reversed',
  };
  const names = existsSync(folder) ? readdirSync(folder).map((name) => name.replace('.xml', '')) : [];

  it.each(names)('%s', (name) => {
    const meaning = meaningOf(braintree, signForm(readFileSync(`${folder}/${name}.xml`), FIRST));
    expect(meaning.kind === 'effects' ? types(meaning).join(' ') : meaning.kind).toBe(EXPECTED[name]);
  });

  it('are all there', () => {
    expect(names.sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it('post the newest of the ten transactions of a genuine notification', () => {
    const vectors = JSON.parse(readFileSync(samplesFolder('webhooks', 'braintree', 'vectors.json'), 'utf8')) as {
      body_base64: string;
    }[];
    const meaning = meaningOf(braintree, Buffer.from(vectors[0]?.body_base64 ?? '', 'base64'));
    expect(effects(meaning)).toMatchObject([{ type: 'payment.captured', amount: 1000n, currency: 'USD' }]);
  });
});
