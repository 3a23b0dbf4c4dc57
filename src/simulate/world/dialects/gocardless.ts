import { gocardlessId, gocardless as simulator, tellGocardlessPayout } from '../../gocardless.ts';
import { type Life, moment, stableText } from '../../life.ts';
import { UPPER } from '../../random.ts';
import { isoTime, wireNumber } from '../../told-event.ts';
import type { Answers, BatchReport, Dialect, Payout } from '../dialect.ts';
import { type Movement, netOf } from '../movement.ts';
import { bookedAt, type WorldAccount } from '../world-account.ts';

const TYPES: Partial<Record<Movement['kind'], string>> = {
  charge: 'payment_paid_out',
  refund: 'refund',
  chargeback: 'payment_charged_back',
  // The bank takes its chargeback back, and the payment is paid out again.
  chargeback_reversal: 'payment_paid_out',
  fee: 'gocardless_fee',
  unknown: 'lunar_levy',
};

/** developer.gocardless.com/api-reference/#core-endpoints-payout-items: a payout, then its items. */
export const gocardless: Dialect = {
  simulator,
  currencies: simulator.currencies,
  zone: 'UTC',
  format: 'payout_items',
  mode: 'payout',
  settings: { api_key: 'sandbox_simulated' },
  abilities: { refundFailure: 'none' },
  reference: (life, kind, index) =>
    kind === 'refund' ? gocardlessId(life, 'RF', `refund${index}`) : gocardlessId(life, 'PM', 'payment'),
  feesTold: false,
  disputeFee: 'none',
  costs: 'batch',
  negatives: false,
  numbered: false,
  joins: true,
  tellsDisputes: 'all',
  fx: 'none',
  fractions: true,
  extremes: 'none',
  extras(account, batch) {
    const [at, fee] = [bookedAt(account, batch), 23n * account.currency.step];
    return [
      {
        kind: 'fee',
        name: `fee${batch}`,
        index: batch,
        life: null,
        reference: null,
        at,
        batch,
        gross: 0n,
        fee,
        tax: 0n,
      },
    ];
  },
  payoutReference: ({ life }) => gocardlessId(life, 'PO', 'payout'),
  batchReference: ({ life }) => gocardlessId(life, 'PO', 'payout'),
  tellPayout: ({ life, account }) => tellGocardlessPayout(life, account.name),
  answers,
  payoutAnswers: (payout) => [[`/payouts/${gocardlessId(payout.life, 'PO', 'payout')}`, payoutText(payout)]],
  bankText: ({ life }) => ({ endToEnd: null, text: `GOCARDLESS ${reference(life)}` }),
  fileName: ({ batches }) => `payout-${batches.at(-1)?.batch ?? 0}.json`,
  *write({ account, batches }) {
    for (const batch of batches) yield* items(account, batch);
  },
};

function* items(account: WorldAccount, report: BatchReport): Generator<string> {
  if (report.showsPayout) yield `${payoutText(report.payout)}\n`;
  yield '{"payout_items":[';
  let first = true;
  for (const movement of report.movements()) {
    const { kind, life, index } = movement;
    const payment = life === null ? {} : { payment: gocardlessId(life, 'PM', 'payment') };
    const refund = life !== null && kind === 'refund' ? { refund: gocardlessId(life, 'RF', `refund${index}`) } : {};
    const links = { ...payment, ...refund, ...(movement.twin === true ? { mandate: 'MD0000000000' } : {}) };
    yield `${first ? '' : ','}\n${JSON.stringify({ type: TYPES[kind] ?? kind, amount: `${netOf(movement)}.${movement.half === true ? '5' : '0'}`, taxes: [], links })}`;
    first = false;
  }
  yield `],"meta":{"cursors":{"before":null,"after":null},"limit":${account.calendar.livesPerDay * 10}}}\n`;
}

function payoutText({ life, amount, account }: Payout): string {
  const at = isoTime(life.startedAt);
  return JSON.stringify({
    payouts: {
      id: gocardlessId(life, 'PO', 'payout'),
      amount: wireNumber(amount),
      deducted_fees: 0,
      currency: account.currency.code,
      fx: { fx_currency: null, fx_amount: null, exchange_rate: null, estimated_exchange_rate: null },
      reference: reference(life),
      arrival_date: at.slice(0, 10),
      created_at: at,
      payout_type: 'merchant',
      status: 'paid',
      tax_currency: null,
      links: { creditor: 'CR000000000000', creditor_bank_account: 'BA000000000000' },
      metadata: {},
    },
  });
}

/** A payment is asked for with its events: they say what became of it. */
function answers(life: Life, account: WorldAccount): Answers {
  const id = gocardlessId(life, 'PM', 'payment');
  const money = { amount: wireNumber(life.amount), currency: life.currency };
  const told = simulator.tell(life, account.name).map(({ content }) => content);
  const events = told.filter((content) => content.includes('"resource_type":"payments"')).toReversed();
  return [
    [
      `/payments/${id}`,
      JSON.stringify({
        payments: { id, ...money, created_at: isoTime(life.startedAt), status: 'paid_out', links: {} },
      }),
    ],
    [
      `/events?payment=${id}&limit=500`,
      `{"events":[${events.join(',')}],"meta":{"cursors":{"before":null,"after":null},"limit":500}}`,
    ],
    ...life.refunds.map((refund, index): Answers[number] => {
      const own = gocardlessId(life, 'RF', `refund${index}`);
      const at = isoTime(moment(life, 20 + index));
      const object = {
        id: own,
        amount: wireNumber(refund.amount),
        currency: life.currency,
        created_at: at,
        status: 'paid',
        links: { payment: id },
      };
      return [`/refunds/${own}`, JSON.stringify({ refunds: object })];
    }),
  ];
}

const reference = (life: Life): string => `SHOP-${stableText(life, 'reference', 8, UPPER)}`;
