import { CURRENCIES, type Life, stableText } from '../../life.ts';
import { mollieId, mollie as simulator } from '../../mollie.ts';
import { DIGITS } from '../../random.ts';
import { major } from '../decimal.ts';
import type { BatchReport, Dialect } from '../dialect.ts';
import { localTime } from '../local-time.ts';
import type { Movement } from '../movement.ts';
import { bookedAt, type WorldAccount } from '../world-account.ts';

/** docs.mollie.com/reference/settlements-api: a settlement, then the lists of what it is made of. What it cost is in it alone. */
export const mollie: Dialect = {
  simulator,
  currencies: CURRENCIES.filter(({ code }) => ['EUR', 'GBP'].includes(code)),
  zone: 'Europe/Amsterdam',
  format: 'settlements',
  mode: 'payout',
  // An object stands in one settlement: a refund that comes back, and a chargeback taken back, would be it again.
  abilities: { refundFailure: 'at_once', disputes: 'withdrawal' },
  reference(life, kind, index) {
    if (kind === 'refund') return mollieId(life, 're', `refund${index}`);
    return kind === 'chargeback' ? mollieId(life, 'chb', 'chargeback0') : mollieId(life, 'tr', 'payment');
  },
  feesTold: false,
  disputeFee: 'none',
  costs: 'batch',
  negatives: true,
  numbered: false,
  joins: true,
  tellsDisputes: 'all',
  fx: 'none',
  fractions: true,
  extremes: 'none',
  extras(account, batch) {
    const [at, fee] = [bookedAt(account, batch), 251n * account.currency.step];
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
  payoutReference: ({ life }) => settlement(life),
  batchReference: ({ life }) => settlement(life),
  bankText: ({ life }) => ({ endToEnd: null, text: `MOLLIE ${reference(life)}` }),
  fileName: ({ batches }) => `settlement-${batches.at(-1)?.batch ?? 0}.json`,
  *write({ account, batches }) {
    for (const batch of batches) yield* file(account, batch);
  },
};

const LISTS: ReadonlyArray<readonly [Movement['kind'], string]> = [
  ['charge', 'payments'],
  ['refund', 'refunds'],
  ['chargeback', 'chargebacks'],
];

function* file(account: WorldAccount, report: BatchReport): Generator<string> {
  const { payout, batch, gross, fee } = report;
  const { currency, dialect } = account;
  const at = time(bookedAt(account, batch));
  const [year = '', month = ''] = localTime(bookedAt(account, batch), dialect.zone).split('-');
  const money = (amount: bigint, decimals = ''): object => ({
    value: `${major(amount, currency)}${decimals}`,
    currency: currency.code,
  });
  const period = (amount: bigint, description: string, decimals = '00'): object => ({
    description,
    method: 'ideal',
    count: report.count,
    amountNet: money(amount, decimals),
    amountVat: null,
    amountGross: money(amount, decimals),
  });
  const halves = [...report.movements()].filter(({ half }) => half === true);
  const whole = halves.reduce((sum, one) => sum - one.fee, fee - BigInt(halves.length) / 2n);
  const costs = [
    period(whole, 'Transaction costs'),
    ...halves.map((one) => period(one.fee, 'Costs of a mandate', '50')),
  ];
  yield `${JSON.stringify({
    resource: 'settlement',
    id: settlement(payout.life),
    reference: reference(payout.life),
    createdAt: at,
    settledAt: at,
    status: 'paidout',
    amount: money(payout.amount),
    periods: { [year]: { [month]: { revenue: [period(gross, 'iDEAL')], costs } } },
    _links: {},
  })}\n`;
  for (const [kind, place] of LISTS) {
    yield `{"count":${report.count},"_embedded":{"${place}":[`;
    let first = true;
    for (const movement of report.movements()) {
      if (movement.kind !== kind || movement.life === null) continue;
      yield `${first ? '' : ','}\n${JSON.stringify(object(movement, movement.life, place))}`;
      first = false;
    }
    yield ']},"_links":{"self":{},"next":null}}\n';
  }

  function object(movement: Movement, life: Life, place: string): object {
    const of = { createdAt: time(movement.at - 3_600_000), settlementId: settlement(payout.life) };
    const amounts = { settlementAmount: money(movement.gross) };
    const own = { resource: place.slice(0, -1), id: movement.reference, mode: 'test', ...of };
    if (place === 'payments')
      return {
        ...own,
        amount: money(movement.gross),
        description: `order-${life.number}`,
        method: 'ideal',
        status: 'paid',
        ...amounts,
      };
    const paid = movement.gross < 0n ? -movement.gross : movement.gross;
    return { ...own, amount: money(paid), paymentId: mollieId(life, 'tr', 'payment'), ...amounts };
  }
}

const settlement = (life: Life): string => `stl_${stableText(life, 'settlement', 12)}`;
const reference = (life: Life): string =>
  `${stableText(life, 'reference', 7, DIGITS)}.2603.${String(life.number).padStart(2, '0')}`;
const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}+00:00`;
