import { createHash } from 'node:crypto';
import { sign } from '../providers/gocardless/sign.ts';
import { currencies, type Life, stableText } from './life.ts';
import { UPPER } from './random.ts';
import type { Simulator } from './simulator.ts';
import { inSteps, isoTime, type Tell } from './told-event.ts';

/**
 * A life as GoCardless tells it: ids and causes, in batches (developer.gocardless.com/api-reference/#core-endpoints-events).
 * No amount is in them.
 */
const tellGocardless = inSteps((life, tell) => {
  const event = eventTeller(life, tell);
  const payment = { payment: id(life, 'PM', 'payment') };
  for (const action of ['created', 'submitted', 'confirmed']) event('payment', action, payment);
  if (life.captureFails) event('payment', 'failed', payment);
  for (const [index, { outcome }] of life.refunds.entries()) {
    const refund = { refund: id(life, 'RF', `refund${index}`) };
    event('refund', 'created', refund);
    event('refund', outcome === 'succeeded' ? 'paid' : 'failed', refund);
  }
  for (const movement of life.dispute?.movements ?? [])
    event('payment', movement === 'withdrawn' ? 'charged_back' : 'chargeback_cancelled', payment);
  if (life.payout === null) return;
  event('payout', 'paid', { payout: id(life, 'PO', 'payout') });
  event('payment', 'paid_out', payment);
});

/** A life that is nothing but its payout. */
export const tellGocardlessPayout = inSteps((life, tell) => {
  eventTeller(life, tell)('payout', 'paid', { payout: id(life, 'PO', 'payout') });
});

function eventTeller(life: Life, tell: Tell) {
  return (resource: string, action: string, links: Readonly<Record<string, string>>): void =>
    tell(({ n, at }) => ({
      id: id(life, 'EV', `event${n}`),
      created_at: isoTime(at),
      resource_type: `${resource}s`,
      action,
      links,
      details: {
        origin: 'gocardless',
        cause: `${resource}_${action}`,
        description: `The ${resource} was ${action.replaceAll('_', ' ')}`,
      },
      metadata: {},
    }));
}

/** `PM`/`payment`, `RF`/`refund0`, `PO`/`payout`. */
export const gocardlessId = id;

function id(life: Life, prefix: string, label: string): string {
  return `${prefix}${stableText(life, label, 12, UPPER)}`;
}

export const gocardless: Simulator = {
  provider: 'gocardless',
  currencies: currencies('GBP', 'EUR'),
  abilities: {
    captures: 'at_once',
    captureFailure: 'any',
    fees: false,
    refunds: 'many',
    refundFailure: 'at_once',
    disputes: 'endless',
    payouts: 'sent',
  },
  tell: tellGocardless,
  batch: {
    eventsMax: 5,
    envelope(events) {
      const list = `[${events.join(',')}]`;
      const webhook = createHash('sha256').update(list).digest('hex').slice(0, 12).toUpperCase();
      return `{"events":${list},"meta":{"webhook_id":"WB${webhook}"}}`;
    },
  },
  sign: (body, { secret, settings }) => ({ headers: sign(body, secret, settings), body }),
  keys: { kind: 'shared', secret: (random) => random.text(40) },
  settings: () => ({ mode: 'test' }),
  forgeries: { stale: null },
};
