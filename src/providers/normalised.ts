import { PosternError } from '../errors.ts';
import type { PaymentEvent } from '../payment-event.ts';
import type { Normalised, ObjectReference } from './provider.ts';

/** What every meaning of an event says besides: what it is about, and the money in question. */
export type About = Pick<Normalised, 'references' | 'amount'>;

export function effectsOf(about: About, effects: readonly PaymentEvent[]): Normalised {
  return { ...about, kind: 'effects', effects };
}

export function noEffect(about: About, reason: string): Normalised {
  return { ...about, kind: 'no_effect', reason };
}

export function deferredFor(
  about: About,
  waitingFor: Extract<Normalised, { kind: 'deferred' }>['waitingFor'],
  reason: string,
): Normalised {
  return { ...about, kind: 'deferred', waitingFor, until: null, reason };
}

/** The object must be fetched from the processor before this event means anything. */
export function fetchFirst(about: About, object: ObjectReference, reason: string, notBefore?: number): Normalised {
  return { ...about, kind: 'fetch', object, reason, ...(notBefore === undefined ? {} : { notBefore }) };
}

/** Unknown is not an error: a type nobody taught the adapter waits for the adapter. */
export function unknownType(about: About, type: string): Normalised {
  return deferredFor(about, 'adapter', `the adapter does not know the type "${type.slice(0, 100)}"`);
}

/** References without those the event does not name. */
export function references(
  ...pairs: ReadonlyArray<readonly [kind: string, id: string | undefined]>
): ObjectReference[] {
  return pairs.flatMap(([kind, id]) => (id === undefined || id === '' ? [] : [{ kind, id }]));
}

/** Runs `meaning`; a currency whose scale we do not know parks the event instead of ending it. */
export function parkingUnknownCurrency(known: readonly ObjectReference[], meaning: () => Normalised): Normalised {
  try {
    return meaning();
  } catch (error) {
    if (!(error instanceof PosternError) || error.code !== 'currency_unknown') throw error;
    return deferredFor({ references: known, amount: null }, 'currency', error.message);
  }
}
