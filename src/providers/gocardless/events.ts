import { PosternError } from '../../errors.ts';
import { at, parseExactJson } from '../../exact-json.ts';
import { noEffect, unknownType } from '../normalised.ts';
import type { Normalised, ReceivedEvent } from '../provider.ts';
import { payment } from './payments.ts';
import { bouncedPayout, payout } from './payouts.ts';
import { refund } from './refunds.ts';
import { aboutOf, eventOf } from './resource.ts';

/** Resources that move no money which a payment, refund or payout does not tell. */
const EVIDENCE = new Set([
  'billing_requests',
  'creditors',
  'customers',
  'exports',
  'instalment_schedules',
  'mandates',
  'organisations',
  'payer_authorisations',
  'scheme_identifiers',
  'subscriptions',
]);

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(received: ReceivedEvent): Normalised {
  const entry = at(parseExactJson(received.body), 'events', received.item);
  if (entry === undefined) throw new PosternError('unreadable_event', `the batch has no event ${received.item}`);
  const event = eventOf(entry, received.receivedAt);
  const type = `${event.resource}.${event.action}`;
  switch (event.resource) {
    case 'payments':
      return payment(event, received.fetched);
    case 'refunds':
      return refund(event, received.fetched);
    case 'payouts':
      return payout(event, received.fetched);
    case 'outbound_payments':
      // Money that leaves to third parties: nothing says yet which account of ours it belongs to.
      return event.action === 'executed'
        ? unknownType(aboutOf(event), type)
        : noEffect(aboutOf(event), `evidence: an outbound payment ${event.action} has not moved money`);
    default:
      if (type === 'creditors.bounced_payout') return bouncedPayout(event, received.fetched);
      return EVIDENCE.has(event.resource)
        ? noEffect(aboutOf(event), `evidence: ${type} moves no money of its own`)
        : unknownType(aboutOf(event), type);
  }
}
