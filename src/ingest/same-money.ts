import type { Endpoint } from '../endpoints/endpoint.ts';
import type { PaymentEvent } from '../payment-event.ts';
import type { Normalised, WebhookRequest } from '../providers/provider.ts';

/** An event of a request, as far as its meaning needs it. */
export type Told = {
  readonly request: Pick<WebhookRequest, 'headers' | 'body'>;
  readonly item: number;
  readonly id: string;
  readonly type: string;
  readonly account: string;
};

/**
 * Whether two tellings of one event contradict each other about money. A processor's API may tell an event in another
 * version, or with other members, than its webhook did: then bytes and fingerprints differ, and only what would post can be
 * compared. What cannot be read, or must be fetched first, contradicts nobody.
 */
export function tellsSameMoney(one: Told, other: Told, endpoint: Endpoint): boolean {
  const [a, b] = [effectsOf(one, endpoint), effectsOf(other, endpoint)];
  if (a === null || b === null) return true;
  const shared = a.filter((effect) => b.some((twin) => twin.key === effect.key));
  const agree = shared.every((effect) =>
    b.some((twin) => twin.key === effect.key && amountOf(twin) === amountOf(effect)),
  );
  // One version may tell a fee that the other does not; but captures that have no key in common are two captures.
  const types = new Set(a.map(({ type }) => type).filter((type) => b.some((twin) => twin.type === type)));
  return agree && types.size > 0 && [...types].every((type) => shared.some((e) => e.type === type));
}

/** Null where it posts nothing as it stands. */
function effectsOf(told: Told, endpoint: Endpoint): readonly PaymentEvent[] | null {
  const meaning = meaningOf(told, endpoint);
  return meaning?.kind === 'effects' && meaning.effects.length > 0 ? meaning.effects : null;
}

/** What an event means before anything was fetched for it; null where its adapter cannot read it. */
export function meaningOf({ request, ...told }: Told, { provider, settings }: Endpoint): Normalised | null {
  try {
    return provider.normalise(
      { ...told, headers: request.headers, body: request.body, receivedAt: 0, level: 'body', fetched: null },
      settings,
    );
  } catch {
    // Whatever it is: its worker buries it with the reason. Here it would end a backfill, and every one after it.
    return null;
  }
}

function amountOf(effect: PaymentEvent): string {
  return `${effect.type} ${'amount' in effect ? effect.amount : ''} ${effect.currency}`;
}
