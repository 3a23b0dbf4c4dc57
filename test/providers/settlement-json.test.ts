import { describe, expect, it } from 'vitest';
import { providers } from '../../src/providers/index.ts';
import type { SettlementFormat } from '../../src/providers/settlement-format.ts';
import { createRandom } from '../support/random.ts';
import { faultsOf, itemsOf } from '../support/report-items.ts';

/** A whole report of each format that is JSON, made by us: broken in every way, it must neither throw nor pass for whole. */
const usd = (amount: number) => ({ amount, currency: 'USD' });
const eur = (value: string) => ({ value, currency: 'EUR' });
const REPORTS: readonly (readonly [provider: string, format: string, parts: readonly object[]])[] = [
  [
    'square',
    'payout_entries',
    [
      { payout: { id: 'po_1', type: 'BATCH', amount_money: usd(98), created_at: '2026-01-03T00:00:00Z' } },
      {
        payout_entries: [
          {
            id: 'poe_1',
            payout_id: 'po_1',
            type: 'CHARGE',
            effective_at: '2026-01-02T00:00:00Z',
            gross_amount_money: usd(100),
            fee_amount_money: usd(2),
            net_amount_money: usd(98),
            type_charge_details: { payment_id: 'p1' },
          },
        ],
      },
    ],
  ],
  [
    'gocardless',
    'payout_items',
    [
      { payouts: { id: 'PO1', amount: 99, currency: 'GBP', created_at: '2026-01-02T00:00:00.000Z', reference: 'R' } },
      {
        payout_items: [
          { type: 'payment_paid_out', amount: '100.0', links: { payment: 'PM1' } },
          { type: 'gocardless_fee', amount: '-1.2', links: { payment: 'PM1' } },
        ],
        meta: { cursors: { after: null } },
      },
    ],
  ],
  [
    'mollie',
    'settlements',
    [
      {
        resource: 'settlement',
        id: 'stl_1',
        status: 'paidout',
        settledAt: '2026-01-02T00:00:00Z',
        amount: eur('9.65'),
        periods: {
          '2026': {
            '01': {
              revenue: [{ amountNet: eur('10.0000') }],
              costs: [{ amountNet: eur('0.2893'), amountVat: eur('0.0608') }],
            },
          },
        },
      },
      {
        _embedded: {
          payments: [
            {
              id: 'tr_1',
              amount: eur('10.00'),
              settlementAmount: eur('10.00'),
              settlementId: 'stl_1',
              createdAt: '2026-01-01T00:00:00Z',
            },
          ],
        },
        _links: { next: null },
      },
    ],
  ],
  [
    'mollie',
    'balance_transactions',
    [
      {
        resource: 'balance-report',
        from: '2026-01-01',
        until: '2026-01-31',
        totals: {
          open: { available: { amount: eur('0.00') } },
          close: { available: { amount: eur('9.71') } },
        },
      },
      {
        _embedded: {
          balance_transactions: [
            {
              id: 'baltr_1',
              type: 'payment',
              resultAmount: eur('9.71'),
              initialAmount: eur('10.00'),
              deductions: eur('-0.29'),
              createdAt: '2026-01-10T00:00:00Z',
              context: { paymentId: 'tr_1' },
            },
          ],
        },
      },
    ],
  ],
  [
    'razorpay',
    'settlement_recon',
    [
      {
        items: [
          {
            entity_id: 'pay_1',
            type: 'payment',
            debit: 0,
            credit: 98,
            amount: 100,
            currency: 'INR',
            fee: 2,
            tax: 0,
            settled_at: 1,
            settlement_id: 'setl_1',
          },
        ],
      },
      { items: [{ id: 'setl_1', entity: 'settlement', amount: 98, status: 'processed', created_at: 1 }] },
    ],
  ],
  [
    'braintree',
    'transactions',
    [
      {
        legacyId: 'a1',
        merchantAccountId: 'm',
        amount: { value: '1.00', currencyCode: 'EUR' },
        disbursementDetails: { date: '2026-01-02', amount: { value: '1.00', currencyCode: 'EUR' } },
      },
      {
        disbursement: {
          id: 'd1',
          amount: '1.00',
          disbursement_date: '2026-01-02',
          merchant_account: { id: 'm', currency_iso_code: 'EUR' },
        },
      },
    ],
  ],
  [
    'stripe',
    'payout_balance_transactions',
    [
      { payout: { id: 'po_1', amount: 98, currency: 'eur', created: 1, balance_transaction: 'txn_2' } },
      {
        object: 'list',
        data: [
          {
            id: 'txn_1',
            amount: 100,
            fee: 2,
            net: 98,
            currency: 'eur',
            created: 1,
            reporting_category: 'charge',
            source: 'ch_1',
          },
        ],
        has_more: false,
      },
    ],
  ],
];
const TRIES = 150;

describe.each(REPORTS)('%s %s', (provider, name, parts) => {
  const format: SettlementFormat | undefined = providers.get(provider)?.settlements?.find((one) => one.name === name);
  if (format === undefined) throw new Error(`${provider} has no format ${name}`);
  const text = parts.map((part) => JSON.stringify(part)).join('\n');

  it('is known by its head, and by no other format of its provider', async () => {
    const known = (providers.get(provider)?.settlements ?? []).filter((one) => one.recognises(text, null));
    expect(known.map((one) => one.name)).toEqual([name]);
    expect(faultsOf(await itemsOf(format, text))).toEqual([]);
  });

  it('never throws, and never makes a line that contradicts itself', async () => {
    const { below } = createRandom(11);
    const NOISE = [
      '"',
      ',',
      ':',
      '{',
      '}',
      '[',
      ']',
      '\\',
      '\n',
      '\0',
      '0',
      '9',
      '-',
      '.',
      'é',
      '',
      'null',
      '\uFEFF',
      'e9',
    ];
    for (let n = 0; n < TRIES; n += 1) {
      let broken = text;
      for (let times = below(4); times >= 0; times -= 1) {
        const at = below(broken.length);
        broken = broken.slice(0, at) + (NOISE[below(NOISE.length)] ?? '') + broken.slice(at + below(3));
      }
      if (below(4) === 0) broken = broken.slice(0, below(broken.length));
      await itemsOf(format, broken, {}, 1 + below(500));
    }
  });

  it('a member of any type in place of another is a fault, or is left out', async () => {
    for (const match of text.matchAll(/(?<=:)(?:"[^"]*"|-?\d+(?:\.\d+)?|null|true|false)/g)) {
      for (const other of ['null', '{}', '[]', '""', '"\\u0000"', '1e999', '-0', '99999999999999999999999999', '"x"']) {
        const changed = text.slice(0, match.index) + other + text.slice(match.index + match[0].length);
        await itemsOf(format, changed);
      }
    }
  });

  it.each([
    ['PK\u0003\u0004', /as CSV/],
    ['a,b\n1,2\n', /no JSON/],
    ['', /no record/],
    ['   \n', /no record/],
    ['"text"', /no JSON/],
  ])('%j is told for what it is', async (other, reason) => {
    expect(faultsOf(await itemsOf(format, other))).toMatchObject([
      { kind: 'unreadable', reason: expect.stringMatching(reason) },
    ]);
  });
});
