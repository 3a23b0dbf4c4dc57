import { at, parseExactJson, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import { deferredFor, effectsOf, fetchFirst, parkingUnknownCurrency, unknownType } from '../normalised.ts';
import type { Normalised } from '../provider.ts';
import { aboutOf, assertAbout, type GocardlessEvent, moneyAt } from './resource.ts';

type Step = 'created' | 'succeeded' | 'failed';

/**
 * `paid` and `refund_settled` (taken from a payout) tell one movement, and so do `failed` and `funds_returned` (given
 * back in a payout); a refund can fail after it was settled.
 * developer.gocardless.com/api-reference/#events-refund-actions
 */
const BY_ACTION: ReadonlyMap<string, Step> = new Map([
  ['created', 'created'],
  ['paid', 'succeeded'],
  ['refund_settled', 'succeeded'],
  ['failed', 'failed'],
  ['funds_returned', 'failed'],
]);

const BY_CAUSE: ReadonlyMap<string, Step> = new Map([
  ['payment_refunded', 'created'],
  ['refund_created', 'created'],
  ['refund_paid', 'succeeded'],
  ['refund_settled', 'succeeded'],
  ['refund_failed', 'failed'],
  ['refund_funds_returned', 'failed'],
]);

export function refund(event: GocardlessEvent, fetched: Buffer | null): Normalised {
  const about = aboutOf(event);
  const step = BY_ACTION.get(event.action) ?? BY_CAUSE.get(event.cause);
  if (step === undefined) return unknownType(about, `refunds.${event.action}`);
  const id = textAt(event.entry, 'links', 'refund');
  if (id === undefined) return deferredFor(about, 'object', 'the event names no refund');
  if (fetched === null) {
    return fetchFirst(about, { kind: 'refund', id }, 'the event names its refund only: the amount is fetched');
  }
  const told = at(parseExactJson(fetched), 'refunds');
  assertAbout(told, id);
  return parkingUnknownCurrency(about.references, () => {
    const money = moneyAt(told);
    const payment = textAt(told, 'links', 'payment');
    const created = isoTime(textAt(told, 'created_at')) ?? event.at;
    return effectsOf({ ...about, amount: money }, [
      {
        type: `refund.${step}`,
        key: `${id}:${step}`,
        at: step === 'created' ? created : event.at,
        refund: id,
        // A refund may be of a mandate: then it gives back no payment in particular.
        ...(payment === undefined ? {} : { payment }),
        ...money,
      },
    ]);
  });
}
