import { sign, signForm } from '../providers/braintree/sign.ts';
import { currencies, type Life, moment, stableText } from './life.ts';
import type { SignedBody, SimulatedTarget, Simulator } from './simulator.ts';
import { inSteps, isoSeconds, majorText } from './told-event.ts';

const LOWER = '0123456789abcdefghijklmnopqrstuvwxyz';

/**
 * A life as Braintree tells it, as XML (developer.paypal.com/braintree/docs/guides/webhooks/parse). An authorisation is
 * told nobody; a sale is told when it is settled, or when its settlement is declined.
 */
const tellBraintree = inSteps((life, tell) => {
  const event: TellEvent = (kind, about, fields) => tell(({ at }) => notification(kind, about, fields, at));

  if (life.captureFails) event('transaction_settlement_declined', 'transaction', sale(life, 'settlement_declined'));
  else event('transaction_settled', 'transaction', sale(life, 'settled'));
  for (const [index, { amount, outcome }] of life.refunds.entries()) {
    const refund = {
      ...transaction(life, `refund${index}`, amount),
      type: 'credit',
      'refunded-transaction-id': id(life, 'sale'),
    };
    if (outcome !== 'failed') event('transaction_settled', 'transaction', { ...refund, status: 'settled' });
    if (outcome !== 'succeeded') event('refund_failed', 'transaction', { ...refund, status: 'settlement_declined' });
  }
  tellDispute(life, event);
  tellDisbursement(life, event);
});

type TellEvent = (kind: string, about: string, fields: Fields) => void;

/** A life that is nothing but its payout. */
export const tellBraintreeDisbursement = inSteps((life, tell) => {
  tellDisbursement(life, (kind, about, fields) => tell(({ at }) => notification(kind, about, fields, at)));
});

function notification(kind: string, about: string, fields: Fields, at: number): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    xml('notification', { timestamp: isoSeconds(at), kind, subject: { [about]: fields } })
  );
}

function tellDisbursement(life: Life, event: TellEvent): void {
  if (life.payout === null) return;
  const { amount, fails } = life.payout;
  event(fails ? 'disbursement_exception' : 'disbursement', 'disbursement', {
    id: id(life, 'payout'),
    amount: majorText(life, amount),
    'disbursement-date': isoSeconds(moment(life, 50)).slice(0, 10),
    'disbursement-type': 'credit',
    success: String(!fails),
    retry: 'false',
    'merchant-account': { id: 'simulated', 'currency-iso-code': life.currency, 'sub-merchant-account': 'false' },
  });
}

function tellDispute(life: Life, event: TellEvent): void {
  if (life.dispute === null) return;
  const { amount, outcome } = life.dispute;
  const dispute = (status: string): Fields => ({
    id: id(life, 'dispute'),
    amount: majorText(life, amount),
    'amount-disputed': majorText(life, amount),
    'amount-won': majorText(life, status === 'won' ? amount : 0n),
    'currency-iso-code': life.currency,
    kind: 'chargeback',
    status,
    reason: 'fraud',
    'date-opened': isoSeconds(moment(life, 39)).slice(0, 10),
    transaction: { id: id(life, 'sale'), amount: majorText(life, life.amount) },
  });
  event('dispute_opened', 'dispute', dispute('open'));
  if (outcome !== 'open') event(`dispute_${outcome}`, 'dispute', dispute(outcome));
}

function sale(life: Life, status: string): Fields {
  return { ...transaction(life, 'sale', life.amount), type: 'sale', status };
}

function transaction(life: Life, name: string, amount: bigint): Fields {
  return {
    id: id(life, name),
    amount: majorText(life, amount),
    'currency-iso-code': life.currency,
    'merchant-account-id': 'simulated',
    'order-id': `order-${life.number}`,
    'created-at': isoSeconds(life.startedAt),
    'updated-at': isoSeconds(moment(life, 3)),
  };
}

type Fields = { readonly [name: string]: string | Fields };

/** Ids, amounts and words of ours: nothing in them needs escaping. */
function xml(name: string, value: string | Fields): string {
  const inner =
    typeof value === 'string'
      ? value
      : Object.entries(value)
          .map(([inside, one]) => xml(inside, one))
          .join('\n');
  return `<${name}>${inner}</${name}>`;
}

/** `sale`, `refund0`, `dispute`, `payout`. */
export const braintreeId = id;

function id(life: Life, label: string): string {
  return stableText(life, label, 8, LOWER);
}

function signBody(body: Buffer, { url, secret, settings }: SimulatedTarget, now: number): SignedBody {
  const form = signForm(body, secret);
  return { headers: sign({ body: form, url }, secret, now, settings), body: form };
}

/** A signed form with a field changed, or taken out. */
function spoiled(body: Buffer, target: SimulatedTarget, now: number, field: string, value: string | null): SignedBody {
  const signed = signBody(body, target, now);
  const form = new URLSearchParams(signed.body.toString());
  if (value === null) form.delete(field);
  else form.set(field, value);
  return { ...signed, body: Buffer.from(form.toString()) };
}

export const braintree: Simulator = {
  provider: 'braintree',
  currencies: currencies('EUR', 'USD', 'GBP', 'JPY'),
  abilities: {
    captures: 'at_once',
    captureFailure: 'any',
    fees: false,
    refunds: 'many',
    refundFailure: 'later',
    disputes: 'outcome',
    payouts: 'may_fail',
  },
  tell: tellBraintree,
  sign: signBody,
  keys: { kind: 'shared', secret: (random) => `${random.text(16, LOWER)}:${random.text(32, LOWER)}` },
  settings: () => ({ mode: 'test' }),
  forgeries: {
    body(body, target, now) {
      const dearer = body.toString().replace('<amount>', '<amount>1');
      return spoiled(body, target, now, 'bt_payload', `${Buffer.from(dearer).toString('base64')}\n`);
    },
    unsigned: (body, target, now) => spoiled(body, target, now, 'bt_signature', null),
    stale: null,
  },
};
