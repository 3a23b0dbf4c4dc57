import { createHash, generateKeyPairSync } from 'node:crypto';
import { sign } from '../providers/wise/sign.ts';
import { currencies, type Life, stableText, stableUuid } from './life.ts';
import { DIGITS } from './random.ts';
import { type Sign, type Simulator, withSignatureOfAnother } from './simulator.ts';
import { inSteps, isoSeconds, majorNumber } from './told-event.ts';

const OWN_RECIPIENT = 40_000_001;
const RSA_BITS = 2_048;

/**
 * A life as Wise tells it to whoever is paid into a balance: what comes in is a movement that its statement posts, and what
 * goes out are transfers, of which only ids and states are told (docs.wise.com/guides/developer/webhooks/event-types).
 */
const tellWise = inSteps((life, tell, account) => {
  const event = (type: string, data: object): void =>
    tell(({ at }) => ({
      data: { ...data, occurred_at: isoSeconds(at) },
      subscription_id: stableUuid(life, 'subscription'),
      event_type: type,
      schema_version: '2.0.0',
      sent_at: isoSeconds(at + 1_000),
    }));
  event('balances#credit', {
    resource: { type: 'balance-account', id: idOf(life, 'balance'), profile_id: account },
    amount: majorNumber(life, life.amount),
    currency: life.currency,
    transaction_type: 'credit',
    transfer_reference: `order-${life.number}`,
  });
  const transfer = (name: string, recipient: number, states: readonly string[]): void => {
    const resource = { type: 'transfer', id: idOf(life, name), profile_id: account, account_id: recipient };
    for (const [index, current_state] of states.entries())
      event('transfers#state-change', { resource, current_state, previous_state: states[index - 1] ?? null });
  };
  const sent = ['processing', 'funds_converted', 'outgoing_payment_sent'];
  const back = [...sent, 'bounced_back', 'funds_refunded'];
  for (const [index, { outcome }] of life.refunds.entries())
    transfer(`refund${index}`, idOf(life, 'payer'), outcome === 'succeeded' ? sent : back);
  if (life.payout !== null) transfer('payout', OWN_RECIPIENT, life.payout.fails ? back : sent);
});

function idOf(life: Life, label: string): number {
  return Number(`5${stableText(life, label, 8, DIGITS)}`);
}

/** A delivery that is tried again keeps its id. */
const signBody: Sign = (body, { secret }) => {
  const hex = createHash('sha256').update(body).digest('hex');
  const delivery = hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');
  return { headers: sign(body, secret, delivery), body };
};

export const wise: Simulator = {
  provider: 'wise',
  currencies: currencies('EUR', 'USD', 'GBP', 'JPY'),
  abilities: {
    captures: 'at_once',
    captureFailure: 'none',
    fees: false,
    refunds: 'many',
    refundFailure: 'later',
    disputes: 'none',
    payouts: 'may_fail',
  },
  tell: tellWise,
  sign: signBody,
  keys: {
    kind: 'pair',
    make() {
      const { publicKey, privateKey } = generateKeyPairSync('rsa', {
        modulusLength: RSA_BITS,
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      });
      return { secret: publicKey, settings: {}, signsWith: privateKey };
    },
  },
  settings: ({ account }) => ({ mode: 'test', accounts: [account], own_recipients: [String(OWN_RECIPIENT)] }),
  forgeries: { signature: withSignatureOfAnother(signBody), stale: null },
};
