import { at, parseExactJson, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import {
  type About,
  deferredFor,
  effectsOf,
  noEffect,
  parkingUnknownCurrency,
  references,
  unknownType,
} from '../normalised.ts';
import type { EndpointSettings, Normalised, ReceivedEvent } from '../provider.ts';
import { adjustment } from './adjustments.ts';
import { moneyOf } from './currency.ts';
import { transaction } from './transactions.ts';
import { isSimulated } from './webhook.ts';

/** developer.paddle.com/webhooks/overview: an event carries its entity whole, as it was when the event occurred. */
const MOVING =
  /^(?:transaction\.(?:billed|canceled|completed|created|paid|past_due|payment_failed|ready|revised|updated)|adjustment\.(?:created|updated)|payout\.(?:created|paid))$/;

/** Families that move no money that a transaction, adjustment or payout does not tell. */
const EVIDENCE =
  /^(?:address|api_key|api_key_exposure|business|client_token|customer|discount|discount_group|payment_method|price|product|report|subscription)\./;

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const body = parseExactJson(event.body);
  const type = textAt(body, 'event_type') ?? event.type;
  const [kind = ''] = type.split('.');
  const data = at(body, 'data');
  const id = textAt(data, 'id');
  const about: About = { references: references([kind, id]), amount: null };
  if (!MOVING.test(type)) {
    return EVIDENCE.test(type)
      ? noEffect(about, `evidence: ${type} moves no money of its own`)
      : unknownType(about, type);
  }
  if (isSimulated(textAt(body, 'event_id') ?? '') && settings.mode !== 'test') {
    return noEffect(about, "an event of Paddle's simulator: nothing of it happened (set the endpoint's mode to test)");
  }
  if (data === undefined || id === undefined) return deferredFor(about, 'object', `the event's ${kind} has no id`);
  const occurred = isoTime(textAt(body, 'occurred_at')) ?? event.receivedAt;
  return parkingUnknownCurrency(about.references, () => {
    if (kind === 'transaction') return transaction(data, id, occurred);
    if (kind === 'adjustment') return adjustment(data, id, occurred);
    const money = moneyOf(data, 'amount', textAt(data, 'currency_code'));
    if (money === undefined) return deferredFor(about, 'object', "the event's payout has no amount");
    // Paid adds nothing to created but certainty: only a bank line says that the money arrived.
    return effectsOf({ ...about, amount: money }, [
      { type: 'payout.created', key: `${id}:created`, at: occurred, payout: id, ...money },
    ]);
  });
}
