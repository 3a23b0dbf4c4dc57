import { CURRENCIES, type Life, type LifeCurrency } from '../../life.ts';
import { razorpayId, razorpay as simulator, tellRazorpaySettlement, utr } from '../../razorpay.ts';
import { unixSeconds } from '../../told-event.ts';
import type { BatchReport, Dialect } from '../dialect.ts';
import { type Movement, netOf } from '../movement.ts';
import { bookedAt, type WorldAccount } from '../world-account.ts';

const INR: readonly LifeCurrency[] = simulator.currencies.filter(
  ({ code }) => !CURRENCIES.some((one) => one.code === code),
);

/** razorpay.com/docs/api/settlements/fetch-recon: the settlement, then its recon. */
export const razorpay: Dialect = {
  simulator,
  currencies: INR,
  zone: 'Asia/Kolkata',
  format: 'settlement_recon',
  mode: 'payout',
  settings: { settlement_currency: 'INR' },
  // Its recon has one row for what is refunded, and says nothing of a refund that came back.
  abilities: { refundFailure: 'at_once' },
  reference(life, kind, index) {
    if (kind === 'refund') return razorpayId(life, 'rfnd', `refund${index}`);
    return TYPES[kind] === 'adjustment' ? razorpayId(life, 'disp', 'dispute') : razorpayId(life, 'pay', 'payment');
  },
  feesTold: true,
  disputeFee: 'none',
  costs: 'each',
  taxPercent: 18n,
  negatives: false,
  numbered: false,
  joins: true,
  tellsDisputes: 'all',
  fx: 'none',
  hold: 'reserve',
  extremes: 'none',
  payoutReference: ({ life }) => settlement(life),
  batchReference: ({ life }) => settlement(life),
  tellPayout: ({ life, account }) => tellRazorpaySettlement(life, account.name),
  bankText: ({ life }) => ({ endToEnd: utr(life), text: `RAZORPAY SETTLEMENT ${utr(life)}` }),
  fileName: ({ batches }) => `recon-${batches.at(-1)?.batch ?? 0}.json`,
  *write({ account, batches }) {
    for (const batch of batches) yield* recon(account, batch);
  },
};

function* recon(account: WorldAccount, report: BatchReport): Generator<string> {
  const { payout, count, fee, tax } = report;
  const { life, amount } = payout;
  const at = unixSeconds(bookedAt(account, report.batch));
  if (report.showsPayout)
    yield `{"entity":"collection","count":1,"items":[{"id":"${settlement(life)}","entity":"settlement","amount":${amount},` +
      `"status":"processed","fees":${fee + tax},"tax":${tax},"utr":"${utr(life)}","created_at":${at}}]}\n`;
  yield `{"entity":"collection","count":${count},"items":[`;
  let first = true;
  for (const movement of report.movements()) {
    yield `${first ? '' : ','}\n${row(movement, life, account)}`;
    first = false;
  }
  yield ']}\n';
}

const TYPES: Partial<Record<Movement['kind'], string>> = {
  charge: 'payment',
  refund: 'refund',
  chargeback: 'adjustment',
  chargeback_reversal: 'adjustment',
  reserve_hold: 'reserve',
  reserve_release: 'reserve',
};

function row(movement: Movement, payout: Life, { currency }: WorldAccount): string {
  const { kind, life, reference, gross, fee, tax, at, name, batch } = movement;
  const net = netOf(movement);
  const amount = gross < 0n ? -gross : gross;
  const text = (value: string | null): string => (value === null ? 'null' : `"${value}"`);
  const payment = life === null || kind === 'charge' ? null : razorpayId(life, 'pay', 'payment');
  const order = life === null ? null : razorpayId(life, 'order', 'order');
  const type = TYPES[kind] ?? 'lunar_levy';
  // A dispute is an adjustment that names it.
  const disputed = life !== null && type === 'adjustment';
  const entity = disputed ? razorpayId(life, 'adj', name) : (reference ?? `${name}of${batch}`);
  return (
    `{"entity_id":${text(entity)},"type":"${type}","debit":${net < 0n ? -net : 0n},` +
    `"credit":${net < 0n ? 0n : net},"amount":${amount},"currency":"${currency.code}","fee":${fee + tax},"tax":${tax},` +
    `"on_hold":false,"settled":true,"created_at":${unixSeconds(at - 3_600_000)},"settled_at":${unixSeconds(at)},` +
    `"settlement_id":"${settlement(payout)}","posted_at":null,"credit_type":"default","description":null,"notes":"{}",` +
    `"payment_id":${text(payment)},"settlement_utr":"${utr(payout)}","order_id":${text(order)},"order_receipt":null,` +
    '"method":"card","card_network":"Visa","card_issuer":"SIMB","card_type":"credit",' +
    `"dispute_id":${text(disputed ? reference : null)}}`
  );
}

const settlement = (life: Life): string => razorpayId(life, 'setl', 'payout');
