/** A whole report of each format that is JSON, made by us. */
const usd = (amount: number) => ({ amount, currency: 'USD' });
const eur = (value: string) => ({ value, currency: 'EUR' });
export const JSON_REPORTS: readonly (readonly [provider: string, format: string, parts: readonly object[]])[] = [
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
  [
    'stripe',
    'balance_transactions',
    [
      { period: { day: '2026-01-02', time_zone: 'Europe/Berlin' } },
      {
        object: 'list',
        data: [
          {
            id: 'txn_1',
            amount: 100,
            fee: 2,
            net: 98,
            currency: 'eur',
            created: 1767308400,
            reporting_category: 'charge',
            source: 'ch_1',
          },
        ],
        has_more: false,
      },
    ],
  ],
  [
    'paypal',
    'transaction_search',
    [
      { period: { day: '2026-01-02', time_zone: 'America/Los_Angeles' } },
      {
        transaction_details: [
          {
            transaction_info: {
              transaction_id: 'A1',
              transaction_event_code: 'T0006',
              transaction_initiation_date: '2026-01-02T12:00:00+0000',
              transaction_updated_date: '2026-01-02T12:00:00+0000',
              transaction_amount: { currency_code: 'USD', value: '10.00' },
              fee_amount: { currency_code: 'USD', value: '-0.59' },
              transaction_status: 'S',
            },
          },
        ],
        page: 1,
        total_items: 1,
        total_pages: 1,
      },
    ],
  ],
];
