import { describe, expect, it } from 'vitest';
import type { EndpointSettings, Normalised } from '../../src/providers/provider.ts';
import { standardWebhooks } from '../../src/providers/standard-webhooks/index.ts';
import { message, SETTINGS } from './standard-webhooks/samples.ts';

const RECEIVED_AT = 1_767_225_600_000;

function normalise(body: Buffer, settings: EndpointSettings = SETTINGS): Normalised {
  return standardWebhooks.normalise(
    {
      item: 0,
      id: 'msg_1',
      type: 'row',
      account: 'main',
      headers: [],
      body,
      receivedAt: RECEIVED_AT,
      level: 'body',
      fetched: null,
    },
    settings,
  );
}

const rule = (change: object): EndpointSettings => ({
  mapping: {
    rules: [
      {
        when: 'x',
        kind: 'payment.captured',
        id: 'data.id',
        amount: 'data.amount',
        currency: 'data.currency',
        ...change,
      },
    ],
  },
});
const faults = (mapping: unknown): string[] => standardWebhooks.checkSettings({ mapping }).map((one) => one.path);

describe('mapping', () => {
  it('makes the effect its rule names, found by its references', () => {
    expect(normalise(message(1))).toEqual({
      kind: 'effects',
      amount: { amount: 1001n, currency: 'EUR' },
      references: [
        { kind: 'payment', id: 'pay_1' },
        { kind: 'order', id: 'A-1' },
      ],
      effects: [
        {
          type: 'payment.captured',
          key: 'pay_1:captured',
          at: 1_767_225_598_000,
          payment: 'pay_1',
          amount: 1001n,
          currency: 'EUR',
        },
      ],
    });
  });

  it('posts the stages before a stage, decimals in the currency of the rule', () => {
    const meaning = normalise(message(1, { type: 'refund.failed' }, { refund: 're_1', total: '1.250' }));
    expect(meaning.kind === 'effects' && meaning.effects).toMatchObject([
      { key: 're_1:created', amount: 1250n, currency: 'KWD', payment: 'pay_1', at: 1_767_225_600_000 },
      { key: 're_1:succeeded' },
      { key: 're_1:failed' },
    ]);
    expect(() => normalise(message(1, { type: 'refund.failed' }, { refund: 're_1', total: '1.2505' }))).toThrowError(
      expect.objectContaining({ code: 'amount_invalid' }),
    );
  });

  it('keys fees by themselves and disputes by their movement', () => {
    const fee = normalise(message(1, { type: 'payment.fee' }, { fee_id: 'fee_1', amount: -5 }));
    expect(fee.kind === 'effects' && fee.effects).toMatchObject([
      { key: 'fee_1:fee_known', reference: 'pay_1', of: 'payment', amount: -5n },
    ]);
    const moved = normalise(message(1, { type: 'dispute.moved' }, { movement: 'mov_2' }));
    expect(moved.kind === 'effects' && moved.effects).toMatchObject([{ key: 'mov_2:withdrawn', dispute: 'pay_1' }]);
  });

  it('ends without effect where the rule says so, and parks what has no rule or no mapping', () => {
    expect(normalise(message(1, { type: 'customer.updated' }))).toMatchObject({
      kind: 'no_effect',
      reason: 'about a customer',
    });
    expect(normalise(message(1, { type: 'other' }))).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    expect(normalise(message(1), {})).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    expect(normalise(message(1, {}, { currency: 'doubloon' }))).toMatchObject({
      kind: 'deferred',
      waitingFor: 'currency',
      references: [{ id: 'pay_1' }, { id: 'A-1' }],
    });
  });

  it('refuses by name what its path does not find, or what is no amount', () => {
    expect(() => normalise(message(1, {}, { id: undefined }))).toThrowError(/finds no id at data\.id/);
    for (const amount of [1.5, '1e3', 1e30])
      expect(() => normalise(message(1, {}, { amount }))).toThrowError(
        expect.objectContaining({ code: 'amount_invalid' }),
      );
  });

  it('keeps amounts exact, and reads times as ISO, seconds or milliseconds', () => {
    const exact = Buffer.from(message(1).toString().replace('1001', '9007199254740993'));
    expect(normalise(exact).amount).toEqual({ amount: 9_007_199_254_740_993n, currency: 'EUR' });
    const at = (paid_at: unknown): unknown => {
      const meaning = normalise(message(1, { timestamp: undefined }, { paid_at }));
      return meaning.kind === 'effects' ? meaning.effects[0]?.at : meaning;
    };
    expect([at(1_767_000_000), at('1767000000000'), at('2025-12-29T09:20:00Z'), at('soon'), at(null)]).toEqual([
      1_767_000_000_000,
      1_767_000_000_000,
      1_767_000_000_000,
      RECEIVED_AT,
      RECEIVED_AT,
    ]);
  });

  it('is checked when it is set', () => {
    expect(faults(SETTINGS.mapping)).toEqual([]);
    expect(faults(rule({}).mapping)).toEqual([]);
    expect(faults([])).toEqual(['/mapping']);
    expect(faults({})).toEqual(['/mapping/rules']);
    expect(faults({ rules: [] })).toEqual(['/mapping/rules']);
    expect(faults({ rules: ['x'], extra: 1 })).toEqual(['/mapping/extra', '/mapping/rules/0']);
    const wrong: [object, string][] = [
      [{ kind: 'payment.teleported' }, '/kind'],
      [{ kind: 'toString' }, '/kind'],
      [{ kind: 'transfer.created' }, '/seller'],
      [{ kind: 'payment.fee_known' }, '/reference'],
      [{ id: undefined }, '/id'],
      [{ id: 'data..id' }, '/id'],
      [{ amount: 5 }, '/amount'],
      [{ when: '' }, '/when'],
      [{ unit: 'cents' }, '/unit'],
      [{ of: 'order' }, '/of'],
      [{ references: {} }, '/references'],
      [{ references: { order: 7 } }, '/references'],
      [{ reason: 5 }, '/reason'],
      [{ path: 'x' }, '/path'],
    ];
    for (const [change, path] of wrong)
      expect(faults(rule(change).mapping), JSON.stringify(change)).toEqual([`/mapping/rules/0${path}`]);
  });

  it('reads own members only', () => {
    expect(() =>
      normalise(
        Buffer.from('{"type":"payment.succeeded","data":{"__proto__":{"id":"pay_1","amount":1,"currency":"eur"}}}'),
      ),
    ).toThrowError(expect.objectContaining({ code: 'unreadable_event' }));
  });
});
