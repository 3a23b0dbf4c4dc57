import { assertNever } from '../errors.ts';
import type { Acknowledged, Answer, RejectReason } from './provider.ts';

const ACCEPTED: Answer = { status: 200, headers: { 'content-type': 'application/json' }, body: '{"received":true}' };

/** The answer of processors that look at the status only: 200, or the gateway's problem document. */
export function plainAcknowledgement(outcome: Acknowledged): Answer {
  if (outcome.kind === 'accepted') return ACCEPTED;
  return { status: refusalStatus(outcome.reason), headers: {}, body: null };
}

/** 4xx where the sender is at fault; our own missing secret is 503, so that the processor tries again once we have one. */
export function refusalStatus(reason: RejectReason): number {
  switch (reason) {
    case 'no_secret':
      return 503;
    case 'unreadable':
    case 'unsupported':
    case 'signature_missing':
    case 'signature_malformed':
    case 'signature_mismatch':
    case 'stale':
    case 'certificate':
      return 401;
    default:
      return assertNever(reason);
  }
}
