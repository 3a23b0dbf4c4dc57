import type { Endpoint } from '../../endpoints/endpoint.ts';
import { type Interpretation, interpret, type TakenEvent } from '../interpret.ts';
import type { StoredEvent } from '../rederive/rederive-store.ts';
import type { EventState } from './lane-store.ts';

/** What running an event again is about. */
export type Meaning = { readonly state: EventState } & (
  | { readonly kind: 'left'; readonly reason: string }
  /** It waits or is dead: it gets another try, as if it had just come. */
  | { readonly kind: 'revived'; readonly interpretation: Interpretation }
  /** It is through: its state stays, and what is missing of what it tells is posted. */
  | { readonly kind: 'settled'; readonly interpretation: Interpretation }
);

/** What an event means now, by its endpoint's settings and the present adapter. Pure, and never throws. */
export function meaningOf(state: EventState, { taken }: StoredEvent, endpoint: Endpoint): Meaning {
  if (state.fresh) return { state, kind: 'left', reason: 'it is in the queue, and about to be worked' };
  if (state.status === 'no_effect' && state.reason?.startsWith('dismissed') === true)
    return { state, kind: 'left', reason: `it was ${state.reason}: what a person dismissed is not posted` };
  if (state.status === 'posted' || state.status === 'no_effect')
    return { state, kind: 'settled', interpretation: interpret(taken, endpoint) };
  return { state, kind: 'revived', interpretation: interpretAnew(taken, endpoint) };
}

/** The processor is asked again for what it did not show, and for what the adapter cannot read or no longer asks for. */
function interpretAnew(taken: TakenEvent, endpoint: Endpoint): Interpretation {
  const unasked = { ...taken, fetched: null };
  if (taken.fetched?.outcome !== 'found') return interpret(unasked, endpoint);
  const withObject = interpret(taken, endpoint);
  if (withObject.kind === 'post' || withObject.ending.status !== 'dead') return withObject;
  const anew = interpret(unasked, endpoint);
  return anew.kind === 'end' && anew.ending.status === 'deferred' && anew.ending.fetch !== undefined
    ? anew
    : withObject;
}
