import type { PaymentEvent } from '../../src/payment-event.ts';
import type { Normalised } from '../../src/providers/provider.ts';

/** A meaning in one line: the types of its effects, or what became of it and what it waits for. */
export function outcomeOf(meaning: Normalised): string {
  if (meaning.kind === 'effects') return meaning.effects.map(({ type }) => type).join(' ');
  return meaning.kind === 'deferred' ? `deferred: ${meaning.waitingFor}` : meaning.kind;
}

export function effectsIn(meaning: Normalised): readonly PaymentEvent[] {
  if (meaning.kind === 'effects') return meaning.effects;
  throw new Error(
    `no effects: ${JSON.stringify(meaning, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))}`,
  );
}
