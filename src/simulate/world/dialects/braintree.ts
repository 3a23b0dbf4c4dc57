import { braintreeId, braintree as simulator, tellBraintreeDisbursement } from '../../braintree.ts';
import type { Life } from '../../life.ts';
import { moment } from '../../life.ts';
import { isoTime } from '../../told-event.ts';
import { major } from '../decimal.ts';
import type { BatchReport, Dialect, Payout } from '../dialect.ts';
import type { Movement } from '../movement.ts';
import { payoutLife } from '../payout-life.ts';
import type { WorldAccount } from '../world-account.ts';

/** As simulated transactions name it. */
const MERCHANT_ACCOUNT = 'simulated';

/** graphql.braintreepayments.com: what searches answer, with the disbursement of the day beside them. */
export const braintree: Dialect = {
  simulator,
  currencies: simulator.currencies,
  zone: 'UTC',
  format: 'transactions',
  mode: 'batch',
  // What comes back later is the same node again, which a search of that day would have as it is by then.
  abilities: { refundFailure: 'at_once' },
  reference(life, kind, index) {
    if (kind === 'refund') return braintreeId(life, `refund${index}`);
    return braintreeId(life, kind === 'chargeback' || kind === 'chargeback_reversal' ? 'dispute' : 'sale');
  },
  feesTold: false,
  disputeFee: 'none',
  costs: 'batch',
  negatives: false,
  numbered: true,
  joins: true,
  tellsDisputes: 'all',
  fx: 'told',
  extremes: 'none',
  payoutReference: ({ life }) => braintreeId(life, 'payout'),
  batchReference: (payout) => `${MERCHANT_ACCOUNT}/${dayOf(payout)}`,
  tellPayout: ({ life, account }) => tellBraintreeDisbursement(life, account.name),
  bankText: ({ life }) => ({ endToEnd: null, text: `BRAINTREE ${braintreeId(life, 'payout')}` }),
  fileName: ({ batches }) => `search-${batches.at(-1)?.batch ?? 0}.json`,
  *write({ account, batches }) {
    for (const batch of batches) yield* searches(account, batch);
  },
};

const LISTS: ReadonlyArray<readonly [place: string, ...kinds: Movement['kind'][]]> = [
  ['transactions', 'charge'],
  ['refunds', 'refund'],
  ['disputes', 'chargeback', 'chargeback_reversal'],
];

function* searches(account: WorldAccount, report: BatchReport): Generator<string> {
  const { currency } = account;
  const { payout } = report;
  const day = dayOf(payout);
  if (report.showsPayout)
    yield `${JSON.stringify({
      disbursement: {
        id: braintreeId(payout.life, 'payout'),
        amount: major(payout.amount, currency),
        disbursement_date: day,
        disbursement_type: 'credit',
        success: true,
        retry: false,
        merchant_account: { id: MERCHANT_ACCOUNT, currency_iso_code: currency.code },
      },
    })}\n`;
  for (const [place, ...kinds] of LISTS) {
    yield `{"data":{"search":{"${place}":{"edges":[`;
    let first = true;
    for (const movement of report.movements()) {
      if (!kinds.includes(movement.kind) || movement.life === null) continue;
      yield `${first ? '' : ','}\n${JSON.stringify({ node: node(movement, movement.life) })}`;
      first = false;
    }
    yield ']\n,"pageInfo":{"hasNextPage":false}}}}}\n';
  }

  function node(movement: Movement, life: Life): object {
    const { kind, gross, reference, payer, batch, index } = movement;
    const size = gross < 0n ? -gross : gross;
    const money = (amount: bigint): object => ({ value: major(amount, currency), currencyCode: currency.code });
    const sale = {
      legacyId: braintreeId(life, 'sale'),
      orderId: `order-${life.number}`,
      merchantAccountId: MERCHANT_ACCOUNT,
    };
    if (kind === 'chargeback' || kind === 'chargeback_reversal') {
      const isWon = kind === 'chargeback_reversal';
      // The search of the day on which it comes back has the whole dispute once more, and when its money went.
      const taken = isWon ? dayOf({ life: payoutLife(account, batch - index, 0n, false) }) : day;
      return {
        legacyId: reference,
        type: 'CHARGEBACK',
        merchantAccountId: MERCHANT_ACCOUNT,
        amountDisputed: money(size),
        amountWon: money(isWon ? size : 0n),
        statusHistory: [
          ...(isWon ? [{ status: 'WON', disbursementDate: day }] : []),
          { status: 'OPEN', disbursementDate: taken },
        ],
        transaction: sale,
      };
    }
    return {
      legacyId: reference,
      orderId: `order-${life.number}`,
      createdAt: isoTime(moment(life, kind === 'refund' ? 20 : 1)),
      merchantAccountId: MERCHANT_ACCOUNT,
      status: 'SETTLED',
      ...(kind === 'refund' ? { refundedTransaction: sale } : {}),
      amount: payer === undefined ? money(size) : paidIn(payer),
      disbursementDetails: { date: day, amount: money(gross), exchangeRate: payer?.rate ?? '1', fundsHeld: false },
    };
  }
}

function paidIn({ amount, currency }: NonNullable<Movement['payer']>): object {
  return { value: major(amount < 0n ? -amount : amount, { exponent: 2 }), currencyCode: currency };
}

/** As its webhook says it. */
const dayOf = ({ life }: Pick<Payout, 'life'>): string => new Date(moment(life, 50)).toISOString().slice(0, 10);
