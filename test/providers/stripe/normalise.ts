import type { PaymentEvent } from '../../../src/payment-event.ts';
import type { Normalised } from '../../../src/providers/provider.ts';
import { normalise as normaliseEvent } from '../../../src/providers/stripe/events.ts';
import { stripeEvent } from './samples.ts';

export const RECEIVED_AT = 1_767_225_600_000;
/** `created` of the events the samples make. */
export const EVENT_AT = 1_767_225_590_000;

/** What an event of `type` around `object` means. */
export function normalise(type: string, object: object, change: object = {}): Normalised {
  return normaliseBody(stripeEvent(type, object, change));
}

export function normaliseBody(body: Buffer, fetched: object | null = null): Normalised {
  return normaliseEvent({
    item: 0,
    id: 'evt',
    type: 'from the row',
    account: 'main',
    headers: [],
    body,
    receivedAt: RECEIVED_AT,
    level: 'body',
    fetched: fetched === null ? null : Buffer.from(JSON.stringify(fetched)),
  });
}

export function effects(type: string, object: object, change: object = {}): readonly PaymentEvent[] {
  const meaning = normalise(type, object, change);
  if (meaning.kind !== 'effects') throw new Error(`${meaning.kind}: ${meaning.reason}`);
  return meaning.effects;
}

export function keys(type: string, object: object, change: object = {}): string[] {
  return effects(type, object, change).map((effect) => effect.key);
}
