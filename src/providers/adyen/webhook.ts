import { createHash } from 'node:crypto';
import { type JsonObject, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type {
  ActiveSecret,
  EndpointSettings,
  Identification,
  IdentifiedEvent,
  RejectReason,
  Verdict,
  VerifyContext,
  WebhookRequest,
} from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';
import { strictBase64 } from '../strict-base64.ts';
import { LISTED, listedEvent } from './listed-transfer.ts';
import { type Item, readNotification, signedText } from './notification.ts';

/*
 * Standard webhooks carry an HMAC per item in additionalData.hmacSignature: base64 HMAC-SHA256, keyed with the bytes the
 * hex key stands for, over eight fields (notification.ts). Platform webhooks carry one over the raw body in the header
 * HmacSignature. docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
 */
const PLATFORM_HEADER = 'hmacsignature';
const HEX_KEY = /^(?:[0-9a-fA-F]{2}){16,64}$/;
const MAC_BYTES = 32;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  // Buffer.from(…, 'hex') stops at the first wrong character: an unfit key would be a short or an empty one.
  const keys = context.secrets.filter(({ secret }) => HEX_KEY.test(secret));
  if (keys.length === 0) return rejected('no_secret', 'the endpoint has no HMAC key that is valid now');
  const refused = refusedByBasicAuth(request, context.settings);
  if (refused !== null) return refused;
  const header = headerValues(request, PLATFORM_HEADER);
  return header.length === 0 ? verifyItems(request.body, keys) : verifyBody(request.body, header, keys);
}

function verifyItems(body: Buffer, keys: readonly ActiveSecret[]): Verdict {
  const notification = readNotification(body);
  if (notification.kind === 'unreadable') return rejected('unreadable', notification.detail);
  if (notification.kind === 'platform')
    return rejected('signature_missing', 'a platform webhook without its HmacSignature header');
  const verdicts = notification.items.map((item) => verifyItem(item, keys));
  const bad = verdicts.find((one) => one.kind === 'rejected');
  if (bad === undefined) {
    const first = verdicts.find((one) => one.kind === 'authentic');
    return first ?? rejected('unreadable', 'the body holds no item');
  }
  // One item that does not verify refuses the request: its acknowledgement would be for all of them.
  return { ...bad, items: verdicts.map((one) => one.kind === 'authentic') };
}

function verifyItem(item: Item, keys: readonly ActiveSecret[]): Extract<Verdict, { kind: 'authentic' | 'rejected' }> {
  if (item.signature === undefined) return rejected('signature_missing', 'an item has no additionalData.hmacSignature');
  const given = strictBase64(item.signature, MAC_BYTES);
  if (given?.length !== MAC_BYTES) return rejected('signature_malformed', 'an hmacSignature is not 32 bytes of base64');
  const text = item.signed === null ? null : signedText(item.signed);
  if (text === null) return rejected('signature_malformed', 'a signed field is no plain value or holds a colon');
  const match = keys.find(({ secret }) => safeEqual(given, hmacSha256(Buffer.from(secret, 'hex'), text)));
  if (match === undefined)
    return rejected('signature_mismatch', 'an hmacSignature fits no key: a key of another endpoint, or a changed item');
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

function verifyBody(body: Buffer, header: readonly string[], keys: readonly ActiveSecret[]): Verdict {
  const [given, second] = header;
  const mac = given === undefined || second !== undefined ? null : strictBase64(given, MAC_BYTES);
  if (mac?.length !== MAC_BYTES) {
    return rejected('signature_malformed', 'the HmacSignature header is not 32 bytes of base64, once');
  }
  if (body.length === 0) return rejected('unreadable', 'the body is empty');
  const match = keys.find(({ secret }) => safeEqual(mac, hmacSha256(Buffer.from(secret, 'hex'), body)));
  if (match === undefined) return rejected('signature_mismatch', 'the HmacSignature fits no key');
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

/** Adyen's webhooks may have a user and password as well; they never replace the HMAC. */
function refusedByBasicAuth(request: WebhookRequest, settings: EndpointSettings): Verdict | null {
  const expected = basicAuthOf(settings);
  if (expected === null) return null;
  const [given, second] = headerValues(request, 'authorization');
  if (given === undefined || second !== undefined)
    return rejected('signature_missing', 'the Authorization header is missing or came twice');
  const scheme = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(given);
  const credentials = Buffer.from(scheme?.[1] ?? '', 'base64');
  // Hashed first: a comparison of texts of unlike length would tell the length.
  if (!safeEqual(sha256(credentials), sha256(`${expected.user}:${expected.password}`))) {
    return rejected('signature_mismatch', "the Authorization header is not the endpoint's user and password");
  }
  return null;
}

export function basicAuthOf(settings: EndpointSettings): { readonly user: string; readonly password: string } | null {
  const auth = settings.basic_auth;
  if (typeof auth !== 'object' || auth === null) return null;
  const user: unknown = Reflect.get(auth, 'user');
  const password: unknown = Reflect.get(auth, 'password');
  return typeof user === 'string' && typeof password === 'string' ? { user, password } : null;
}

export function identify(request: WebhookRequest): Identification {
  const notification = readNotification(request.body);
  switch (notification.kind) {
    case 'unreadable':
      return notification;
    case 'platform':
      return identifyPlatform(request.body, notification.body);
    case 'standard': {
      const events: IdentifiedEvent[] = [];
      for (const [index, item] of notification.items.entries()) {
        const event = identifyItem(item, index, notification.live);
        if (event === null)
          return { kind: 'unreadable', detail: `item ${index} has no eventCode, pspReference or merchantAccountCode` };
        events.push(event);
      }
      return { kind: 'events', events };
    }
  }
}

function identifyItem(item: Item, index: number, live: boolean | null): IdentifiedEvent | null {
  const { signed } = item;
  if (signed === null) return null;
  const { merchantAccountCode, eventCode, pspReference, success, originalReference } = signed;
  if (eventCode === '' || pspReference === '' || merchantAccountCode === '') return null;
  // Reference and code alone come back with the other `success` (adyen-commercetools issue 1324).
  const id = [
    merchantAccountCode,
    eventCode,
    pspReference,
    success,
    ...(originalReference === '' ? [] : [originalReference]),
  ].join(':');
  return {
    item: index,
    id,
    idSigned: true,
    transmissionId: null,
    type: eventCode,
    apiVersion: null,
    live,
    account: merchantAccountCode,
    occurredAt: isoTime(textAt(item.fields, 'eventDate')) ?? null,
    // eventDate, reason and operations differ between tries of one notification, and nothing but these eight is signed.
    fingerprint: () => sha256(JSON.stringify(Object.values(signed))),
  };
}

/** Where a platform webhook may name what it is about, first the object's own id. */
const PLATFORM_OBJECTS = [
  ['id'],
  ['pspReference'],
  ['merchantId'],
  ['balanceAccountId'],
  ['sweep', 'id'],
  ['paymentInstrument', 'id'],
  ['storedPaymentMethodId'],
  ['accountHolder', 'id'],
  ['accountId'],
];

function identifyPlatform(body: Buffer, parsed: JsonObject): Identification {
  const type = textAt(parsed, 'type');
  const listed = type === LISTED ? listedEvent(parsed) : null;
  if (listed !== null) return { kind: 'events', events: [listed] };
  const object = PLATFORM_OBJECTS.map((path) => textAt(parsed, 'data', ...path)).find((one) => one !== undefined);
  if (type === undefined || object === undefined)
    return { kind: 'unreadable', detail: 'a platform webhook without type or data.id' };
  const sequence =
    textAt(parsed, 'data', 'sequenceNumber') ?? textAt(parsed, 'data', 'eventId') ?? textAt(parsed, 'eventId');
  const environment = textAt(parsed, 'environment');
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id: [type, object, ...(sequence === undefined ? [] : [sequence])].join(':'),
        // Several updates share data.id: without a sequence only the content tells them apart.
        idSigned: sequence !== undefined,
        transmissionId: null,
        type,
        apiVersion: textAt(parsed, 'version') ?? null,
        live: environment === 'live' ? true : environment === 'test' ? false : null,
        account: textAt(parsed, 'data', 'balanceAccount', 'id') ?? textAt(parsed, 'data', 'balanceAccountId') ?? null,
        occurredAt: isoTime(textAt(parsed, 'timestamp')) ?? null,
        fingerprint: () => contentFingerprint(body, ['timestamp']),
      },
    ],
  };
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}

function rejected(reason: RejectReason, detail: string): Extract<Verdict, { kind: 'rejected' }> {
  return { kind: 'rejected', reason, detail };
}
