import type { PostResult } from '../../ledger/post.ts';
import type { Ending } from '../interpret.ts';
import type { Foreseen } from './foresee.ts';
import type { EventState } from './lane-store.ts';
import type { Meaning } from './meaning.ts';
import type { Replayed, ReplaySide } from './replay.ts';

/** Nothing was to be posted, and nothing is to be told. */
export const onlyCounted = (event: string): Replayed => ({ event, outcome: 'unchanged', change: null });

export function sideOf({ status, reason }: EventState, transactions: ReplaySide['transactions'] = []): ReplaySide {
  return { status, reason, transactions };
}

/** How an event that waited or was dead came out of it. */
export function revivedOutcome(state: EventState, ending: Ending, transactions: ReplaySide['transactions']): Replayed {
  const reason = ending.status === 'dead' ? `${ending.code}: ${ending.message}` : ending.reason;
  const change = { before: sideOf(state), after: { status: ending.status, reason, transactions } };
  // What waits for the same as before is nothing to tell.
  const same = ending.status === 'deferred' && state.status === 'deferred' && state.reason === reason;
  return { event: state.id, outcome: OUTCOMES[ending.status], change: same ? null : change };
}

const OUTCOMES = { posted: 'posted', no_effect: 'unchanged', deferred: 'deferred', dead: 'failed' } as const;

/** How an event that was through came out of it: its state stays. */
export function settledOutcome(
  { state, interpretation }: Extract<Meaning, { kind: 'settled' }>,
  foreseen: Foreseen | undefined,
  result: PostResult | undefined,
  transactions: ReplaySide['transactions'],
): Replayed {
  const failed = (reason: string): Replayed => ({
    event: state.id,
    outcome: 'failed',
    change: { before: sideOf(state), after: { status: state.status, reason, transactions: [] } },
  });
  if (interpretation.kind === 'end') {
    const { ending } = interpretation;
    return ending.status === 'dead' ? failed(`${ending.code}: ${ending.message}`) : onlyCounted(state.id);
  }
  switch (result?.kind ?? foreseen?.kind) {
    case 'waits':
      return failed(`it would wait for ${waitedFor(foreseen, result)}: run it again when that is posted`);
    case 'conflict':
      return failed(
        `it tells something else than is posted under ${keyInConflict(foreseen, result)}; nothing was posted`,
      );
    case 'fails':
      return failed(foreseen?.kind === 'fails' ? `${foreseen.code}: ${foreseen.message}` : '');
    default:
      break;
  }
  if (result?.kind !== 'posted' || result.replayed) return onlyCounted(state.id);
  const after = { status: state.status, reason: state.reason, transactions };
  return { event: state.id, outcome: 'posted', change: { before: sideOf(state), after } };
}

function waitedFor(foreseen: Foreseen | undefined, result: PostResult | undefined): string {
  if (result?.kind === 'waits') return result.effectKey;
  return foreseen?.kind === 'waits' ? foreseen.effectKey : '';
}

function keyInConflict(foreseen: Foreseen | undefined, result: PostResult | undefined): string {
  if (result?.kind === 'conflict') return result.effectKey;
  return foreseen?.kind === 'conflict' ? foreseen.told.effectKey : '';
}
