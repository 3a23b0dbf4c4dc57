import { describe, expect, it } from 'vitest';
import { explainEvents } from '../../src/commands/explain-events.ts';
import { providers } from '../../src/providers/index.ts';
import type { EndpointSettings } from '../../src/providers/provider.ts';
import { simulators } from '../../src/simulate/simulators.ts';
import { wholeLives } from '../../src/simulate/traffic.ts';

const NOW = Date.UTC(2026, 0, 15, 12);

function explain(
  name: string,
  body: string,
  settings: EndpointSettings = {},
  headers: [string, string][] = [],
): ReturnType<typeof explainEvents> {
  const provider = providers.get(name);
  if (provider === undefined) throw new Error(name);
  return explainEvents({ provider, settings, account: 'acme', headers, body: Buffer.from(body), now: NOW });
}

const CHARGE = {
  id: 'ch_1',
  object: 'charge',
  amount: 1000,
  amount_captured: 1000,
  captured: true,
  paid: true,
  status: 'succeeded',
  currency: 'eur',
  created: 1_767_225_600,
};
const EVENT = {
  id: 'evt_1',
  object: 'event',
  api_version: '2025-09-30.clover',
  type: 'charge.succeeded',
  created: 1_767_225_601,
  livemode: false,
  data: { object: CHARGE },
};

describe('explain', () => {
  it('shows the canonical event with its effect key and balanced postings', () => {
    const { events } = explain('stripe', JSON.stringify(EVENT));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ event_id: 'evt_1', status: 'posted', reason: null });
    expect(events[0]?.canonical).toEqual([
      {
        type: 'payment.captured',
        effect_key: 'stripe:acme:ch_1:captured:1000',
        effective_at: '2026-01-01T00:00:00.000Z',
        postings: [
          {
            account: 'asset:processor_pending:stripe:acme',
            direction: 'debit',
            amount: '1000',
            currency: 'EUR',
            reference: 'ch_1',
            component: 'gross',
          },
          {
            account: 'income:revenue',
            direction: 'credit',
            amount: '1000',
            currency: 'EUR',
            reference: null,
            component: null,
          },
        ],
        depends_on: 'posts the increase over the highest total posted',
      },
    ]);
  });

  it('says that what is not JSON would be kept dead', () => {
    const { events } = explain('stripe', '{"id": "evt_1", ');
    expect(events[0]).toMatchObject({ status: 'dead', canonical: [] });
    expect(events[0]?.event_id).toMatch(/^sha256:/);
    expect(events[0]?.reason).toMatch(/^unreadable: /);
  });

  it('says that an amount beyond 64 bits would be dead, and why', () => {
    const body = JSON.stringify(EVENT).replace('"amount":1000,', `"amount":1${'0'.repeat(30)},`);
    expect(explain('stripe', body).events[0]).toMatchObject({ status: 'dead', canonical: [] });
    expect(explain('stripe', body).events[0]?.reason).toMatch(/^amount_invalid: /);
  });

  it('says what an unknown type waits for', () => {
    const body = JSON.stringify({ ...EVENT, type: 'never.heard.of' });
    expect(explain('stripe', body).events[0]).toMatchObject({ status: 'deferred' });
  });

  it("obeys the endpoint's settings", () => {
    expect(explain('stripe', JSON.stringify(EVENT), { mode: 'live' }).events[0]).toMatchObject({
      status: 'no_effect',
      reason: 'test_mode',
      canonical: [],
    });
    expect(
      explain('stripe', JSON.stringify({ ...EVENT, account: 'acct_9' }), { accounts: ['acct_8'] }).events[0],
    ).toMatchObject({
      status: 'no_effect',
    });
  });

  it.each(['stripe', 'adyen', 'paypal', 'square'])(
    '%s: the postings of whole lives balance in every currency',
    (name) => {
      const settings = simulators.get(name)?.settings({ url: 'https://gateway.example/', account: 'sim' }) ?? {};
      let postings = 0;
      for (const { requests } of wholeLives(name, { seed: 1, count: 25, startedAt: NOW, account: 'sim' })) {
        for (const { canonical } of requests.flatMap(({ body }) => explain(name, body, settings).events)) {
          for (const effect of canonical) {
            const sums = new Map<string, bigint>();
            for (const { amount, currency, direction } of effect.postings) {
              postings += 1;
              const signed = direction === 'debit' ? BigInt(amount) : -BigInt(amount);
              sums.set(currency, (sums.get(currency) ?? 0n) + signed);
            }
            expect(
              [...sums.values()].every((sum) => sum === 0n),
              effect.effect_key,
            ).toBe(true);
          }
        }
      }
      expect(postings).toBeGreaterThan(50);
    },
  );
});
