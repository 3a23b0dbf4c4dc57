import type { Endpoint } from '../../endpoints/endpoint.ts';
import { messageOf } from '../../errors.ts';
import type { Asked } from '../../ledger/payment-state.ts';
import { draftsOf, RULE_VERSION } from '../../ledger/rules.ts';
import { type Ending, interpret } from '../interpret.ts';
import type { StoredEvent } from './rederive-store.ts';

/** The rules that events are run through: the present ones, but for tests. */
export type Rules = { readonly draftsOf: typeof draftsOf; readonly version: number };

export const PRESENT_RULES: Rules = { draftsOf, version: RULE_VERSION };

/** What an event tells by the present rules; its bytes are not kept. */
export type ToldEvent = {
  readonly id: string;
  readonly endpointId: number;
  /** Unix ms: when it was worked, as far as its row says. */
  readonly workedAt: number;
} & (
  | { readonly kind: 'tells'; readonly asked: readonly Asked[] }
  /** It would post nothing. */
  | { readonly kind: 'silent'; readonly reason: string }
  /** It waits, is dead or was dismissed: it posted nothing, and is not asked. */
  | { readonly kind: 'unasked'; readonly as: 'waiting' | 'dead' | 'dismissed' }
  | { readonly kind: 'gone' }
  /** What it would post depends on what we do not have. */
  | { readonly kind: 'unclear'; readonly reason: string }
);

export function readStored(stored: StoredEvent, endpoint: Endpoint | undefined, rules: Rules): ToldEvent {
  const { taken, status, reason, postedAt } = stored;
  const about = { id: taken.id, endpointId: taken.endpointId, workedAt: postedAt ?? taken.receivedAt };
  if (status === 'queued' || status === 'deferred') return { ...about, kind: 'unasked', as: 'waiting' };
  if (status === 'dead') return { ...about, kind: 'unasked', as: 'dead' };
  if (status === 'no_effect' && reason?.startsWith('dismissed') === true)
    return { ...about, kind: 'unasked', as: 'dismissed' };
  if (taken.body === null) return { ...about, kind: 'gone' };
  if (endpoint === undefined) return { ...about, kind: 'unclear', reason: 'its endpoint cannot be opened' };
  const meaning = interpret(taken, endpoint);
  if (meaning.kind === 'end') return { ...about, ...silence(meaning.ending) };
  const { provider, marketplace } = meaning;
  const context = { provider, account: taken.account, marketplace };
  try {
    const asked = meaning.effects.flatMap((effect) =>
      rules.draftsOf(effect, context).map((draft) => ({ draft, context })),
    );
    return { ...about, kind: 'tells', asked };
  } catch (error) {
    return { ...about, kind: 'silent', reason: `the rules fail: ${messageOf(error)}` };
  }
}

function silence(ending: Ending): { kind: 'silent' | 'unclear'; reason: string } {
  switch (ending.status) {
    case 'posted':
    case 'no_effect':
      return { kind: 'silent', reason: ending.reason ?? 'it posts nothing' };
    case 'dead':
      return { kind: 'silent', reason: `${ending.code}: ${ending.message}` };
    case 'deferred': {
      // What the adapter does not read is a difference; what it would have to ask for is not known here.
      const isUnread = ending.waitingFor === 'adapter' || ending.waitingFor === 'currency';
      return { kind: isUnread ? 'silent' : 'unclear', reason: `it would wait: ${ending.reason}` };
    }
  }
}
