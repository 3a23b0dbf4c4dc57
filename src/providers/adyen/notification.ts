import { messageOf } from '../../errors.ts';
import { at, isObject, type Json, type JsonObject, listAt, parseExactJson, textAt } from '../../exact-json.ts';

/*
 * {"live":"true","notificationItems":[{"NotificationRequestItem":{…}}]}, or the older HTTP POST: one item as form fields
 * (`amount` as `value` and `currency`, nested names with a dot: additionalData.hmacSignature), or a platform webhook
 * {"type":"balancePlatform.…","data":{…}}. docs.adyen.com/development-resources/webhooks
 */
export type Notification =
  | { readonly kind: 'standard'; readonly live: boolean | null; readonly items: readonly Item[] }
  | { readonly kind: 'platform'; readonly body: JsonObject }
  | { readonly kind: 'unreadable'; readonly detail: string };

export type Item = {
  /** The eight signed fields in signing order, absent ones empty; null where one is no plain value. */
  readonly signed: SignedFields | null;
  readonly signature: string | undefined;
  /** The whole item; of what is not in `signed`, nothing is authentic. */
  readonly fields: JsonObject;
};

export type SignedFields = {
  readonly pspReference: string;
  readonly originalReference: string;
  readonly merchantAccountCode: string;
  readonly merchantReference: string;
  readonly value: string;
  readonly currency: string;
  readonly eventCode: string;
  readonly success: string;
};

/** JSON bodies carry one item, SOAP's up to six; far more than that is no notification. */
const ITEMS_MAX = 100;
/** The signature is inside, so the body is read before anything is known of its sender. */
const BODY_BYTES_MAX = 1024 * 1024;

export function readNotification(body: Buffer): Notification {
  if (body.length > BODY_BYTES_MAX) return unreadable(`the body is over ${BODY_BYTES_MAX} bytes`);
  const text = body.toString('utf8').trimStart();
  if (!text.startsWith('{')) return readForm(text);
  let parsed: Json;
  try {
    parsed = parseExactJson(text);
  } catch (error) {
    return unreadable(messageOf(error));
  }
  if (!isObject(parsed)) return unreadable('the body is no JSON object');
  if (at(parsed, 'notificationItems') === undefined) {
    return textAt(parsed, 'type') === undefined
      ? unreadable('the body has no notificationItems')
      : { kind: 'platform', body: parsed };
  }
  const items: Item[] = [];
  const list = listAt(parsed, 'notificationItems');
  if (list.length === 0 || list.length > ITEMS_MAX) return unreadable(`the body holds ${list.length} items`);
  for (const entry of list) {
    const fields = at(entry, 'NotificationRequestItem');
    if (!isObject(fields)) return unreadable('an item is no NotificationRequestItem');
    items.push(itemOf(fields));
  }
  return { kind: 'standard', live: flag(at(parsed, 'live')), items };
}

function readForm(text: string): Notification {
  const fields: JsonObject = {};
  const additionalData: JsonObject = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const isAdditional = name.startsWith('additionalData.');
    const target = isAdditional ? additionalData : fields;
    const key = isAdditional ? name.slice('additionalData.'.length) : name;
    // Of two fields of one name the sender could mean one and sign the other.
    if (Object.hasOwn(target, key)) return unreadable('a form field came twice');
    Object.defineProperty(target, key, { value, enumerable: true });
  }
  if (textAt(fields, 'eventCode') === undefined)
    return unreadable('the body is neither a JSON nor a form notification');
  const amount: JsonObject = { value: at(fields, 'value'), currency: at(fields, 'currency') };
  return { kind: 'standard', live: flag(at(fields, 'live')), items: [itemOf({ ...fields, amount, additionalData })] };
}

function itemOf(fields: JsonObject): Item {
  return { signed: signedFields(fields), signature: textAt(fields, 'additionalData', 'hmacSignature'), fields };
}

function signedFields(fields: JsonObject): SignedFields | null {
  const signed = {
    pspReference: plain(at(fields, 'pspReference')),
    originalReference: plain(at(fields, 'originalReference')),
    merchantAccountCode: plain(at(fields, 'merchantAccountCode')),
    merchantReference: plain(at(fields, 'merchantReference')),
    value: plain(at(fields, 'amount', 'value')),
    currency: plain(at(fields, 'amount', 'currency')),
    eventCode: plain(at(fields, 'eventCode')),
    success: plain(at(fields, 'success')),
  };
  const texts = Object.values(signed);
  return texts.every((text) => text !== null) ? (signed as SignedFields) : null;
}

/** Missing and null sign as nothing; an object or a list signs as nothing we could agree on. */
function plain(value: Json | undefined): string | null {
  if (value === undefined || value === null) return '';
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'string' ? value : null;
}

function flag(value: Json | undefined): boolean | null {
  if (value === 'true' || value === true) return true;
  return value === 'false' || value === false ? false : null;
}

function unreadable(detail: string): Notification {
  return { kind: 'unreadable', detail };
}

/**
 * The text an item's HMAC is over: eight fields joined by ':' and nothing escaped (only the old hosted payment pages
 * escaped). So a ':' makes the borders ambiguous: in any field but merchantReference it would let the same signature
 * stand for another reference, account or amount, and such an item is refused (null).
 */
export function signedText(signed: SignedFields): string | null {
  const {
    pspReference,
    originalReference,
    merchantAccountCode,
    merchantReference,
    value,
    currency,
    eventCode,
    success,
  } = signed;
  const front = [pspReference, originalReference, merchantAccountCode];
  const back = [value, currency, eventCode, success];
  if ([...front, ...back].some((field) => field.includes(':'))) return null;
  return [...front, merchantReference, ...back].join(':');
}
