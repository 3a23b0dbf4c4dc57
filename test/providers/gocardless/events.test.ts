import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gocardless } from '../../../src/providers/gocardless/index.ts';
import type { Normalised } from '../../../src/providers/provider.ts';
import { createRandom } from '../../support/random.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { batch, type Entry, entry, fetchedPayment, NOW } from './samples.ts';

function meaning(of: Entry, fetched: Buffer | null): Normalised {
  return gocardless.normalise(
    {
      item: 0,
      id: 'x',
      type: 'x',
      account: 'main',
      headers: [],
      body: batch([of]),
      receivedAt: NOW,
      level: 'body',
      fetched,
    },
    {},
  );
}

function effects(found: Normalised): ReadonlyArray<{ key: string; type: string; amount?: bigint }> {
  if (found.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(found, (_, v) => String(v))}`);
  return found.effects as ReadonlyArray<{ key: string; type: string; amount?: bigint }>;
}
const keys = (found: Normalised): string[] => (found.kind === 'effects' ? effects(found).map(({ key }) => key) : []);

let second = 0;
/** The n-th step of a payment's story: one a minute. */
const step = (action: string, cause = `made_${action}`): Entry => {
  second += 1;
  return entry(
    'payments',
    action,
    { payment: 'PM1' },
    {
      id: `EV${second}`,
      created_at: new Date(NOW + second * 60_000).toISOString(),
      details: { origin: 'bank', cause, description: '' },
    },
  );
};
const story = (...actions: readonly string[]): Entry[] => actions.map((action) => step(action));
/** What the last event of the story means, when the list is asked for after it. */
const told = (list: readonly Entry[], change: object = {}): Normalised => {
  const last = list.at(-1);
  if (last === undefined) throw new Error('an empty story');
  return meaning(last, fetchedPayment('PM1', list.toReversed(), change));
};

describe('payments', () => {
  it('are fetched, because the event holds ids only', () => {
    for (const action of ['confirmed', 'paid_out', 'failed', 'charged_back', 'chargeback_cancelled']) {
      expect(meaning(step(action), null), action).toMatchObject({
        kind: 'fetch',
        object: { kind: 'payment', id: 'PM1' },
      });
    }
  });

  it('need no fetch where no money can have moved', () => {
    for (const action of ['created', 'submitted', 'cancelled', 'customer_approval_denied', 'resubmission_requested']) {
      expect(meaning(step(action), null), action).toMatchObject({ kind: 'no_effect' });
    }
  });

  it('are captured once, confirmed and paid out alike', () => {
    const list = story('submitted', 'confirmed', 'paid_out');
    expect(effects(told(list))).toEqual([
      {
        type: 'payment.captured',
        key: 'PM1:captured',
        at: Date.parse(String(list[1]?.created_at)),
        payment: 'PM1',
        amount: 1000n,
        currency: 'GBP',
      },
    ]);
    expect(keys(told(story('paid_out')))).toEqual(['PM1:captured']);
  });

  it('have nothing to take back when they fail before they were collected', () => {
    expect(told(story('submitted', 'failed'))).toMatchObject({ kind: 'no_effect', amount: { amount: 1000n } });
  });

  it('are taken back when they fail late, before and after the payout, and collected again when retried', () => {
    expect(keys(told(story('confirmed', 'failed')))).toEqual(['PM1:captured', 'PM1:reversed']);
    const late = ['confirmed', 'paid_out', 'failed', 'late_failure_settled'];
    expect(keys(told(story(...late)))).toEqual(['PM1:captured', 'PM1:reversed']);
    const again = story(
      'confirmed',
      'failed',
      'resubmission_requested',
      'submitted',
      'confirmed',
      'late_failure_settled',
    );
    expect(keys(told(again))).toEqual(['PM1:captured', 'PM1:reversed', 'PM1:captured:2']);
    expect(keys(told(story('failed', 'resubmission_requested', 'confirmed')))).toEqual(['PM1:captured']);
  });

  it('tell a late failure whose beginning the list no longer holds, netting to nothing', () => {
    expect(keys(told(story('late_failure_settled')))).toEqual(['PM1:captured', 'PM1:reversed']);
    expect(keys(told(story('confirmed', 'late_failure_settled')))).toEqual(['PM1:captured', 'PM1:reversed']);
  });

  it('are charged back, given back, and charged back again', () => {
    const list = story(
      'confirmed',
      'paid_out',
      'charged_back',
      'chargeback_settled',
      'chargeback_cancelled',
      'charged_back',
    );
    expect(keys(told(list))).toEqual([
      'PM1:captured',
      'PM1:charged_back',
      'PM1:chargeback_cancelled',
      'PM1:charged_back:2',
    ]);
    expect(effects(told(list)).map(({ type }) => type)).toEqual([
      'payment.captured',
      'dispute.withdrawn',
      'dispute.reinstated',
      'dispute.withdrawn',
    ]);
    expect(keys(told(story('chargeback_settled')))).toEqual(['PM1:captured', 'PM1:charged_back']);
    expect(keys(told(story('chargeback_cancelled')))).toEqual([
      'PM1:captured',
      'PM1:charged_back',
      'PM1:chargeback_cancelled',
    ]);
  });

  it('post the same movements in whatever order the events are worked on', () => {
    const random = createRandom(7);
    for (let run = 0; run < 200; run += 1) {
      const list = story(
        ...Array.from({ length: 1 + random.below(8) }, () =>
          random.pick(['submitted', 'confirmed', 'failed', 'paid_out', 'charged_back', 'chargeback_cancelled']),
        ),
      );
      const last = list.findLast(({ action }) => action !== 'submitted');
      const whole = fetchedPayment('PM1', list.toReversed());
      const final = last === undefined ? [] : keys(meaning(last, whole));
      const seen = new Set<string>();
      // Each is fetched when some of the later ones have happened already, or none.
      for (const [i, one] of list.entries()) {
        const known = list.slice(0, i + 1 + random.below(list.length - i));
        for (const key of keys(meaning(one, fetchedPayment('PM1', known.toReversed())))) seen.add(key);
      }
      expect([...seen].sort()).toEqual(final.sort());
    }
  });

  it('count this event in where the list was read an instant too early', () => {
    const [before, now] = story('submitted', 'confirmed');
    expect(keys(meaning(now ?? {}, fetchedPayment('PM1', [before ?? {}])))).toEqual(['PM1:captured']);
  });

  it('look at nothing in the list that is about something else', () => {
    const [own] = story('failed');
    const others = [
      entry('payments', 'confirmed', { payment: 'PM2' }, { id: 'EVA', created_at: '2025-01-01T00:00:00Z' }),
      entry('refunds', 'paid', { payment: 'PM1', refund: 'RF1' }, { id: 'EVB', created_at: '2025-01-01T00:00:00Z' }),
    ];
    expect(meaning(own ?? {}, fetchedPayment('PM1', others)).kind).toBe('no_effect');
  });

  it('go by the cause where the action is new', () => {
    expect(keys(told([step('collected_instantly', 'payment_confirmed')]))).toEqual(['PM1:captured']);
    expect(meaning(step('collected_instantly', 'made_cause'), null)).toMatchObject({ waitingFor: 'adapter' });
  });

  it('post nothing of an answer that is not right', () => {
    const [one] = story('confirmed');
    expect(() => meaning(one ?? {}, fetchedPayment('PM2', []))).toThrow(
      expect.objectContaining({ code: 'unreadable_event' }),
    );
    expect(() => meaning(one ?? {}, Buffer.from('{}'))).toThrow(expect.objectContaining({ code: 'unreadable_event' }));
    for (const amount of [-1, 10.5, '1e3', 1e30]) {
      expect(() => told(story('confirmed'), { amount })).toThrow(expect.objectContaining({ code: 'amount_invalid' }));
    }
    expect(told(story('confirmed'), { currency: 'XTS' })).toMatchObject({ kind: 'deferred', waitingFor: 'currency' });
    const paged = {
      payment: { payments: { id: 'PM1', amount: 1, currency: 'GBP' } },
      history: { events: [], meta: { cursors: { after: 'x' } } },
    };
    expect(meaning(one ?? {}, Buffer.from(JSON.stringify(paged)))).toMatchObject({ waitingFor: 'object' });
  });

  it('keep amounts beyond 2^53', () => {
    const [one] = story('confirmed');
    const text = fetchedPayment('PM1', []).toString().replace('1000', '9007199254740993');
    expect(effects(meaning(one ?? {}, Buffer.from(text)))[0]?.amount).toBe(9007199254740993n);
  });
});

describe('refunds', () => {
  const answer = (change: object = {}): Buffer =>
    Buffer.from(
      JSON.stringify({
        refunds: {
          id: 'RF1',
          amount: 150,
          currency: 'EUR',
          created_at: '2025-12-31T00:00:00.000Z',
          links: { payment: 'PM1' },
          ...change,
        },
      }),
    );
  const refund = (action: string, fetched: Buffer | null = answer(), cause = `made_${action}`): Normalised =>
    meaning(entry('refunds', action, { refund: 'RF1' }, { details: { cause } }), fetched);

  it('go by what happened, each movement once', () => {
    expect(refund('created', null)).toMatchObject({ kind: 'fetch', object: { kind: 'refund', id: 'RF1' } });
    expect(effects(refund('created'))).toEqual([
      {
        type: 'refund.created',
        key: 'RF1:created',
        at: Date.UTC(2025, 11, 31),
        refund: 'RF1',
        payment: 'PM1',
        amount: 150n,
        currency: 'EUR',
      },
    ]);
    expect(effects(refund('refund_settled'))).toEqual(effects(refund('paid')));
    expect(effects(refund('funds_returned'))).toEqual(effects(refund('failed')));
    expect(effects(refund('failed'))).toMatchObject([{ type: 'refund.failed', key: 'RF1:failed' }]);
    expect(refund('teleported')).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    expect(keys(refund('renamed', answer(), 'refund_paid'))).toEqual(['RF1:succeeded']);
  });

  it('may be of a mandate, without a payment', () => {
    expect(effects(refund('paid', answer({ links: { mandate: 'MD1' } })))[0]).not.toHaveProperty('payment');
  });
});

describe('payouts', () => {
  const told = (change: object = {}): object => ({
    id: 'PO1',
    amount: 5000,
    deducted_fees: 20,
    currency: 'GBP',
    status: 'paid',
    created_at: '2025-12-31T00:00:00.000Z',
    fx: { fx_currency: null, fx_amount: null, exchange_rate: null },
    links: { creditor: 'CR1' },
    ...change,
  });
  const payout = (change: object = {}, action = 'paid'): Normalised =>
    meaning(entry('payouts', action, { payout: 'PO1' }), Buffer.from(JSON.stringify({ payouts: told(change) })));

  it('are sent once', () => {
    expect(effects(payout())).toEqual([
      {
        type: 'payout.created',
        key: 'PO1:created',
        at: Date.UTC(2025, 11, 31),
        payout: 'PO1',
        amount: 5000n,
        currency: 'GBP',
      },
    ]);
    expect(meaning(entry('payouts', 'tax_exchange_rates_confirmed', { payout: 'PO1' }), null).kind).toBe('no_effect');
    expect(meaning(entry('payouts', 'teleported', { payout: 'PO1' }), null)).toMatchObject({ waitingFor: 'adapter' });
  });

  it('in another currency wait until the rate is certain', () => {
    const estimated = { fx_currency: 'EUR', fx_amount: 5750, exchange_rate: null, estimated_exchange_rate: '1.15' };
    expect(payout({ fx: estimated }).kind).toBe('no_effect');
    expect(effects(payout({ fx: { ...estimated, exchange_rate: '1.15' } }, 'fx_rate_confirmed'))).toMatchObject([
      { amount: 5000n, currency: 'GBP', settled: { amount: 5750n, currency: 'EUR' } },
    ]);
  });

  it('that bounced come back, told of the creditor or found so when fetched', () => {
    expect(keys(payout({ status: 'bounced' }))).toEqual(['PO1:created', 'PO1:failed']);
    const bounced = entry('creditors', 'bounced_payout', { creditor: 'CR1' });
    expect(meaning(bounced, null)).toMatchObject({ kind: 'fetch', object: { kind: 'bounced_payouts', id: 'CR1' } });
    const list = [
      told({ status: 'bounced' }),
      told({ id: 'PO2' }),
      told({ id: 'PO3', status: 'bounced', links: { creditor: 'CR2' } }),
    ];
    expect(keys(meaning(bounced, Buffer.from(JSON.stringify({ payouts: list }))))).toEqual([
      'PO1:created',
      'PO1:failed',
    ]);
    expect(meaning(bounced, Buffer.from('{"payouts":[]}')).kind).toBe('no_effect');
  });
});

describe('everything else', () => {
  it('is evidence, or waits for a person who knows what it is', () => {
    for (const resource of ['mandates', 'subscriptions', 'billing_requests', 'creditors', 'instalment_schedules']) {
      expect(meaning(entry(resource, 'created', {}), null).kind, resource).toBe('no_effect');
    }
    expect(meaning(entry('outbound_payments', 'created', {}), null).kind).toBe('no_effect');
    expect(meaning(entry('outbound_payments', 'executed', {}), null)).toMatchObject({ waitingFor: 'adapter' });
    expect(meaning(entry('constructor', 'created', {}), null)).toMatchObject({ waitingFor: 'adapter' });
  });
});

const folder = samplesFolder('webhooks', 'gocardless', 'samples');
describe.skipIf(!existsSync(folder))('the samples', () => {
  const read = (...path: string[]) => JSON.parse(readFileSync([folder, ...path].join('/'), 'utf8'));

  it('webhook_body.json: a subscription and a mandate, no money', () => {
    const { events } = read('webhook_body.json') as { events: Entry[] };
    expect(events.map((one) => meaning(one, null).kind)).toEqual(['no_effect', 'no_effect']);
  });

  it('api-fixtures: what the API answers is understood', () => {
    const mandates = read('api-fixtures', 'events.json').list.body.events as Entry[];
    expect(mandates.map((one) => meaning(one, null).kind)).toEqual(['no_effect', 'no_effect']);
    const { payments } = read('api-fixtures', 'payments.json').get.body;
    expect(payments).toMatchObject({ id: 'PM123' });
    const paid = entry('payments', 'paid_out', { payment: 'PM123' });
    expect(effects(meaning(paid, fetchedPayment('PM123', [paid], payments)))).toMatchObject([
      { key: 'PM123:captured', amount: 1000n, currency: 'EUR' },
    ]);
    const refund = Buffer.from(JSON.stringify(read('api-fixtures', 'refunds.json').get.body));
    expect(effects(meaning(entry('refunds', 'paid', { refund: 'RF123' }), refund))).toMatchObject([
      { key: 'RF123:succeeded', amount: 150n, payment: 'PM123' },
    ]);
    const payout = Buffer.from(JSON.stringify(read('api-fixtures', 'payouts.json').get.body));
    expect(effects(meaning(entry('payouts', 'paid', { payout: 'PO123' }), payout))).toMatchObject([
      { key: 'PO123:created', amount: 1000n, currency: 'EUR' },
    ]);
  });
});
