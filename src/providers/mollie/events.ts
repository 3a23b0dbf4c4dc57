import { at, isObject, type Json, type JsonObject, parseExactJson, textAt } from '../../exact-json.ts';
import {
  type About,
  deferredFor,
  effectsOf,
  fetchFirst,
  noEffect,
  parkingUnknownCurrency,
  references,
  unknownType,
} from '../normalised.ts';
import type { EndpointSettings, Normalised, ObjectReference, ReceivedEvent } from '../provider.ts';
import { balanceTransactionMeaning } from './balance-transaction.ts';
import { bucketIsOver, readHint } from './hint.ts';
import { isListedObject } from './listed-object.ts';
import { captureMeaning, chargebackMeaning, paymentMeaning, refundMeaning } from './payment.ts';
import type { Meaning } from './resource.ts';

/** What the event asks for, and what it says itself. */
type Asked = {
  readonly about: About;
  readonly type: string;
  /** Null where the event's own words are not to be believed, or tell no entity. */
  readonly entity: JsonObject | null;
  readonly object: ObjectReference | null;
  readonly reason: string;
  readonly notBefore?: number;
};

/** Families that move no money that a payment, refund, chargeback or the settlement does not tell. */
const EVIDENCE =
  /^(?:payment-link|sales-invoice|profile|payout|settlement|method|customer|mandate|subscription)(?:\.|$)/;

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const hint = readHint(event.body);
  const asked = hint?.kind === 'object' ? hinted(hint.id, event.receivedAt) : told(event);
  const { about } = asked;
  if (event.fetched === null) {
    if (asked.entity !== null) return meaningOf(asked.entity, { event, asked, settings, snapshot: true });
    if (EVIDENCE.test(asked.type)) return noEffect(about, evidence(asked.type));
    if (asked.object === null) return unknownType(about, asked.type);
    return fetchFirst(about, asked.object, asked.reason, asked.notBefore);
  }
  const answer = parseExactJson(event.fetched);
  const entity = textAt(answer, 'resource') === 'event' ? at(answer, '_embedded', 'entity') : answer;
  if (!isObject(entity)) return deferredFor(about, 'object', "Mollie's answer holds no object");
  if (asked.object !== null && textAt(answer, 'id') !== asked.object.id) {
    return deferredFor(about, 'object', `Mollie answered with another object than ${asked.object.id}`);
  }
  const mode = textAt(entity, 'mode');
  if (settings.mode !== undefined && mode !== undefined && mode !== settings.mode) {
    // A hint does not say it: only the object does.
    return noEffect(about, `${mode}_mode`);
  }
  return meaningOf(entity, { event, asked, settings, snapshot: false });
}

function hinted(id: string, receivedAt: number): Asked {
  const kind = id.startsWith('tr_') ? 'payment' : 'object';
  return {
    about: { references: [{ kind, id }], amount: null },
    type: `hint.${id.slice(0, id.indexOf('_'))}`,
    entity: null,
    object: kind === 'payment' ? { kind, id } : null,
    reason: 'a classic webhook says only that something changed: the payment must be fetched',
    notBefore: bucketIsOver(receivedAt),
  };
}

function told({ body, id, level }: ReceivedEvent): Asked {
  const parsed: Json = parseExactJson(body);
  if (isObject(parsed) && isListedObject(parsed)) return listed(parsed, level);
  const type = textAt(parsed, 'type') ?? 'unknown';
  const about = textAt(parsed, 'entityId');
  const entity = at(parsed, '_embedded', 'entity');
  const isPayment = about?.startsWith('tr_') === true;
  const family = type.slice(0, Math.max(type.indexOf('.'), 0));
  return {
    about: { references: references([isPayment ? 'payment' : family || 'object', about]), amount: null },
    type,
    entity: level === 'body' && isObject(entity) ? entity : null,
    object: !MEANINGS.has(family)
      ? null
      : isPayment && about !== undefined
        ? { kind: 'payment', id: about }
        : // A refund's id alone finds nothing at Mollie; its event does.
          { kind: 'event', id: textAt(parsed, 'id') ?? id },
    reason: `the event names its ${family} only: it must be fetched`,
  };
}

/** What was listed is the object itself; a payment whose captures are not in it is fetched with them. */
function listed(object: JsonObject, level: ReceivedEvent['level']): Asked {
  const [kind = 'object', id] = [textAt(object, 'resource'), textAt(object, 'id')];
  return {
    about: { references: references([kind === 'chargeback' ? 'dispute' : kind, id]), amount: null },
    type: kind,
    entity: level === 'body' ? object : null,
    object: kind === 'payment' && id !== undefined ? { kind, id } : null,
    reason: 'what was listed must be fetched',
  };
}

type Reading = {
  readonly event: ReceivedEvent;
  readonly asked: Asked;
  readonly settings: EndpointSettings;
  /** The entity is the event's own. */
  readonly snapshot: boolean;
};

type ReadMeaning = (entity: JsonObject, receivedAt: number, reading: Reading) => Meaning;

const MEANINGS: ReadonlyMap<string, ReadMeaning> = new Map<string, ReadMeaning>([
  ['payment', (entity, receivedAt, { snapshot }) => paymentMeaning(entity, receivedAt, snapshot)],
  // Whether a capture was the last one, only its payment says.
  ['capture', (entity, receivedAt) => captureMeaning(entity, receivedAt, false)],
  ['refund', refundMeaning],
  ['chargeback', chargebackMeaning],
  [
    'balance-transaction',
    (entity, receivedAt, { settings }) => balanceTransactionMeaning(entity, receivedAt, settings),
  ],
]);

function meaningOf(entity: JsonObject, reading: Reading): Normalised {
  const { event, asked } = reading;
  const resource = (textAt(entity, 'resource') ?? '').replaceAll('_', '-');
  const meaning = MEANINGS.get(resource);
  if (meaning === undefined) {
    return EVIDENCE.test(resource) ? noEffect(asked.about, evidence(resource)) : unknownType(asked.about, asked.type);
  }
  return parkingUnknownCurrency(asked.about.references, () => {
    const found = meaning(entity, event.receivedAt, reading);
    const about: About = {
      references: found.references.length === 0 ? asked.about.references : found.references,
      amount: found.amount,
    };
    switch (found.kind) {
      case 'effects':
        return effectsOf(about, found.effects);
      case 'no_effect':
        return noEffect(about, found.reason);
      case 'unknown':
        return deferredFor(about, 'adapter', `the adapter does not know ${found.reason}`);
      case 'incomplete':
        return deferredFor(about, 'object', found.reason);
      case 'fetch':
        return fetchFirst(about, { kind: 'payment', id: found.payment }, found.reason);
    }
  });
}

function evidence(what: string): string {
  return `evidence: ${what} moves no money that a payment, a chargeback or the settlement does not tell`;
}
