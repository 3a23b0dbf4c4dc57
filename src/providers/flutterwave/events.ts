import { at, isObject, type Json, parseExactJson, textAt } from '../../exact-json.ts';
import {
  type About,
  deferredFor,
  fetchFirst,
  noEffect,
  parkingUnknownCurrency,
  references,
  unknownType,
} from '../normalised.ts';
import type { EndpointSettings, Normalised, ObjectReference, ReceivedEvent } from '../provider.ts';
import { listedObject } from './listed-object.ts';
import { signedMeaning } from './signed.ts';
import { chargeMeaning, transferMeaning } from './verified.ts';

/** Families of v3 that move no money a charge or a transfer does not tell. */
const EVIDENCE = /^(?:subscription|plan|paymentplan|virtualcard|virtualaccount|bvn|singlebillpayment)\./;

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const body = parseExactJson(event.body);
  if (event.level === 'body') {
    const listed = listedObject(body);
    return listed === null ? signedMeaning(body, event, settings) : listedMeaning(listed, event.receivedAt);
  }
  return tokenMeaning(body, event);
}

/** What is listed is told like what is fetched. */
function listedMeaning({ kind, object }: NonNullable<ReturnType<typeof listedObject>>, receivedAt: number): Normalised {
  const about = references([kind === 'transactions' ? 'payment' : 'transfer', textAt(object, 'id')]);
  return parkingUnknownCurrency(about, () =>
    kind === 'transactions' ? chargeMeaning(object, receivedAt) : transferMeaning(object, receivedAt),
  );
}

/**
 * v3: only the sender is known, so what the body says is what is asked for. {"event":"charge.completed","data":{…}}
 * developer.flutterwave.com/v3.0/docs/webhooks
 */
function tokenMeaning(body: Json, event: ReceivedEvent): Normalised {
  const type = textAt(body, 'event') ?? textAt(body, 'event.type') ?? event.type;
  // The oldest layout has no `data`: its fields stand at the top.
  const told = isObject(at(body, 'data')) ? (at(body, 'data') ?? body) : body;
  const object = objectOf(type, textAt(told, 'id'));
  const about: About = { references: object === null ? [] : [object], amount: null };
  if (object === null) {
    return EVIDENCE.test(type)
      ? noEffect(about, `evidence: ${type} moves no money that a charge or a transfer does not tell`)
      : unknownType(about, type);
  }
  if (event.fetched === null) {
    return fetchFirst(about, object, `nothing in the request is signed: the ${object.kind} must be fetched`);
  }
  const answer = at(parseExactJson(event.fetched), 'data');
  if (!isObject(answer) || textAt(answer, 'id') !== object.id) {
    return deferredFor(about, 'object', `Flutterwave did not answer with the ${object.kind} ${object.id}`);
  }
  const differs = ['amount', 'currency', 'tx_ref', 'reference'].find((name) => differ(told, answer, name));
  if (differs !== undefined) {
    return deferredFor(
      about,
      'object',
      `the request and Flutterwave tell another ${differs}: was the request changed?`,
    );
  }
  return parkingUnknownCurrency(about.references, () =>
    object.kind === 'payment' ? chargeMeaning(answer, event.receivedAt) : transferMeaning(answer, event.receivedAt),
  );
}

function objectOf(type: string, id: string | undefined): ObjectReference | null {
  if (id === undefined || !/^\d{1,20}$/.test(id)) return null;
  if (/^(?:charge\.(?:completed|failed)|[A-Z_]+_TRANSACTION)$/.test(type)) return { kind: 'payment', id };
  if (/^(?:transfer\.(?:completed|failed)|Transfer)$/.test(type)) return { kind: 'transfer', id };
  return null;
}

/** What both tell, and not the same. Numbers are compared as numbers are: 100 is 100.00. */
function differ(told: Json, answer: Json, name: string): boolean {
  const [one, other] = [textAt(told, name), textAt(answer, name)];
  return one !== undefined && other !== undefined && plain(one) !== plain(other);
}

function plain(text: string): string {
  return /^\d{1,30}\.\d{1,30}$/.test(text) ? text.replace(/\.?0{1,30}$/, '') : text;
}
