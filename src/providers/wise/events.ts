import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import {
  type About,
  deferredFor,
  fetchFirst,
  noEffect,
  parkingUnknownCurrency,
  references,
  unknownType,
} from '../normalised.ts';
import type { EndpointSettings, Normalised, ReceivedEvent } from '../provider.ts';
import { createdAt, isListedTransfer } from './listed-transfer.ts';
import { majorMoney, transfer } from './transfers.ts';
import { HEADER } from './webhook.ts';

/** Verification, cards as things, cases and reasons: no money. */
const EVIDENCE = new Set([
  'transfers#active-cases',
  'transfers#payout-failure',
  'balances#account-state-change',
  'batch-payment-initiations#state-change',
  'cards#3ds-challenge',
  'cards#card-order-status-change',
  'cards#card-status-change',
  'kyc-review#state-change',
  'partner-support#case-changed',
  'profiles#cdd-check-state-change',
  'profiles#verification-state-change',
  'users#state-change',
]);

/**
 * A movement of the balance, told once by each of these that is subscribed, and not what it was for: our own transfer, a
 * conversion, a customer, a top-up. The line of the balance statement posts it, once.
 */
const BALANCE = new Set([
  'balances#credit',
  'balances#update',
  'account-details-payment#state-change',
  'cards#transaction-state-change',
  'swift-in#credit',
]);

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const body = parseExactJson(event.body);
  if (isListedTransfer(body, event, HEADER)) return listed(body, event, settings);
  const type = textAt(body, 'event_type') ?? event.type;
  const at = isoTime(textAt(body, 'data', 'occurred_at')) ?? event.receivedAt;
  const about: About = { references: referencesOf(body), amount: null };
  if (type === 'transfers#state-change' || type === 'transfers#refund') {
    const change = {
      id: textAt(body, 'data', 'resource', 'id'),
      recipient: textAt(body, 'data', 'resource', 'account_id'),
      state: type === 'transfers#refund' ? 'funds_refunded' : (textAt(body, 'data', 'current_state') ?? ''),
      at,
    };
    return transfer(change, event.fetched, settings);
  }
  if (EVIDENCE.has(type)) return noEffect(about, `evidence: ${type} moves no money of its own`);
  if (!BALANCE.has(type)) return unknownType(about, type);
  return parkingUnknownCurrency(about.references, () => {
    const amount = textAt(body, 'data', 'amount');
    const currency = textAt(body, 'data', 'currency');
    const money = amount === undefined || currency === undefined ? null : majorMoney(amount, currency);
    return noEffect({ ...about, amount: money }, `evidence: ${type} tells a movement that the balance statement posts`);
  });
}

/**
 * The list holds transfers to our own balance too, which no webhook tells as transfers and which send nothing to anybody
 * (docs.wise.com/api-reference/webhook-event/eventtransfersstatechange): only the quote says which those are.
 */
function listed(told: Json, event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const [id, recipient, quote] = ['id', 'targetAccount', 'quoteUuid'].map((name) => textAt(told, name));
  const about: About = { references: references(['transfer', id], ['recipient', recipient]), amount: null };
  if (quote === undefined) return deferredFor(about, 'object', 'the transfer names no quote, which says where it goes');
  if (event.fetched === null) {
    const object = { kind: 'quote', id: `${event.account}/${quote}` };
    return fetchFirst(about, object, 'whether the transfer goes to our own balance, only its quote says');
  }
  const answer = parseExactJson(event.fetched);
  const payOut = textAt(answer, 'payOut');
  if (textAt(answer, 'id') !== quote || payOut === undefined)
    return deferredFor(about, 'object', `Wise's answer does not say where quote ${quote} goes`);
  if (payOut === 'BALANCE')
    return noEffect(about, 'evidence: a transfer to our own balance, which its statement posts');
  const at = createdAt(told) ?? event.receivedAt;
  return transfer({ id, recipient, state: textAt(told, 'status') ?? '', at }, event.body, settings);
}

function referencesOf(body: Json): About['references'] {
  const kind = textAt(body, 'data', 'resource', 'type') ?? 'resource';
  return references(
    [kind, textAt(body, 'data', 'resource', 'id')],
    ['transfer', textAt(body, 'data', 'transfer_id')],
    ['balance', textAt(body, 'data', 'balance_id')],
    ['reference', textAt(body, 'data', 'transfer_reference')],
  );
}
