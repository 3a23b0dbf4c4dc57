import { plainAcknowledgement } from './acknowledgement.ts';
import type { Acknowledged, Answer } from './provider.ts';

const STATUS = 400;

/** The answer of processors that want 400 where the signature is wrong, and 200 where all is well. */
export function badRequestAcknowledgement(outcome: Acknowledged): Answer {
  const plain = plainAcknowledgement(outcome);
  if (outcome.kind === 'accepted' || plain.status !== 401) return plain;
  return {
    status: STATUS,
    headers: { 'content-type': 'application/problem+json' },
    body: JSON.stringify({ type: 'about:blank', title: 'Bad Request', status: STATUS, detail: outcome.detail }),
  };
}
