import { isObject, type Json, parseExactJson, textAt } from '../../exact-json.ts';
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
import type { EndpointSettings, Normalised, ReceivedEvent } from '../provider.ts';
import { isTransaction, objectOfTransaction } from './listed-transaction.ts';
import { type Meaning, meaningOf } from './objects.ts';
import { readTold, type Told } from './told.ts';

/** Families that move no money that a payment, a refund or a payout does not tell. */
const EVIDENCE =
  /^(?:payment_request|payment_token|payment_method|payment_session|recurring|customer|report|invoice\.expired)(?:\.|$)/;

/**
 * Nothing in a request is signed: its object is fetched, compared with what the request told, and posts as Xendit tells it.
 * @throws PosternError `unreadable_event`, `amount_invalid`
 */
export function normalise(event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const body = parseExactJson(event.body);
  const told = isTransaction(body) ? toldByLine(body, event.type, settings) : readTold(body);
  const type = told?.type ?? event.type;
  const object = told?.object ?? null;
  const kind = object?.kind === 'va_payment' ? 'payment' : (object?.kind ?? '');
  const about: About = { references: references([kind, object?.id]), amount: null };
  if (EVIDENCE.test(type)) return noEffect(about, `evidence: ${type} moves no money of its own`);
  if (told === null || object === null) return unknownType(about, type);
  if (event.fetched === null) {
    return fetchFirst(about, object, `what came proves no amount: the ${kind} must be fetched`);
  }
  const answer = parseExactJson(event.fetched);
  if (!isObject(answer) || idOf(object.kind, answer) !== object.id) {
    return deferredFor(about, 'object', `Xendit did not answer with the ${kind} ${object.id}`);
  }
  const differs = COMPARED.find((name) => differ(told.fields, answer, name));
  if (differs !== undefined) {
    return deferredFor(about, 'object', `the request and Xendit tell another ${differs}: was the request changed?`);
  }
  return parkingUnknownCurrency(about.references, () => outcome(meaningOf(object, answer, event.receivedAt)));
}

/** A refund names its payment too: only payments are known by that name. */
function idOf(kind: string, answer: Json): string | undefined {
  return kind === 'payment' || kind === 'va_payment' ? textAt(answer, 'payment_id') : textAt(answer, 'id');
}

function outcome(meaning: Meaning): Normalised {
  const { about } = meaning;
  switch (meaning.kind) {
    case 'effects':
      return effectsOf(about, meaning.effects);
    case 'evidence':
      return noEffect(about, `evidence: ${meaning.reason}`);
    case 'incomplete':
      return deferredFor(about, 'object', meaning.reason);
    case 'unknown':
      return deferredFor(about, 'adapter', `the adapter does not know the status "${meaning.status.slice(0, 40)}"`);
  }
}

/** A line tells its own amount and reference, which need not be the object's: only what it is of is taken. */
function toldByLine(line: Json, type: string, settings: EndpointSettings): Told {
  return { type, object: objectOfTransaction(line, settings), fields: {} };
}

const COMPARED = ['amount', 'request_amount', 'currency', 'external_id', 'reference_id'] as const;

/** What both tell, and not the same. Numbers are compared as numbers are: 100 is 100.00. */
function differ(told: Json, answer: Json, name: string): boolean {
  const [one, other] = [textAt(told, name), textAt(answer, name)];
  return one !== undefined && other !== undefined && plain(one) !== plain(other);
}

function plain(text: string): string {
  return /^\d{1,30}\.\d{1,30}$/.test(text) ? text.replace(/\.?0{1,30}$/, '') : text;
}
