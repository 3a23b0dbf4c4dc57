import { messageOf } from '../../errors.ts';
import { at, type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type {
  EndpointSettings,
  Identification,
  RejectReason,
  Verdict,
  VerifyContext,
  WebhookRequest,
} from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';
import { strictBase64 } from '../strict-base64.ts';
import { bodyKind, topicOf } from './body.ts';
import { listedEvent, listedKind } from './listed-object.ts';

/*
 * X-Shopify-Hmac-SHA256: base64 HMAC-SHA256 over the body, keyed with the app's client secret.
 * shopify.dev/docs/apps/build/webhooks/subscribe/https
 */
const HEADER = 'x-shopify-hmac-sha256';
const SHOP = 'x-shopify-shop-domain';
const MAC_BYTES = 32;
const ID = /^[\x21-\x7e]{1,200}$/;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const secrets = context.secrets.filter((one) => one.secret !== '');
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no client secret that is valid now');
  const [header, second] = headerValues(request, HEADER);
  if (header === undefined) return rejected('signature_missing', `there is no ${HEADER} header`);
  if (second !== undefined) return rejected('signature_malformed', `there are two ${HEADER} headers`);
  const given = strictBase64(header, MAC_BYTES);
  if (given?.length !== MAC_BYTES) return rejected('signature_malformed', 'the signature is not 32 bytes of base64');
  const match = secrets.find(({ secret }) => safeEqual(given, hmacSha256(secret, request.body)));
  if (match === undefined) {
    return rejected(
      'signature_mismatch',
      'the signature fits no client secret: another app (or a webhook made in the admin, which has a secret of its own), or a changed body',
    );
  }
  const shop = shopFault(request, context.settings);
  if (shop !== null) return rejected('unsupported', shop);
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

/**
 * The shop is not signed, so it can only refuse: what is refused is not stored, and cannot stand in the way of the
 * genuine request. As an event it would, because the two have one id and one content.
 */
function shopFault(request: WebhookRequest, settings: EndpointSettings): string | null {
  const { shop_domain: expected } = settings;
  if (typeof expected !== 'string') return null;
  const shops = headerValues(request, SHOP);
  return shops.length === 1 && shops[0] === expected
    ? null
    : `the request is not of the shop ${expected}, which is the one this endpoint carries`;
}

/**
 * X-Shopify-Event-Id is the same for all subscriptions that tell of one event; X-Shopify-Webhook-Id is a delivery's.
 * Neither is signed: an id counts only together with the content.
 */
export function identify(request: WebhookRequest): Identification {
  let body: Json;
  try {
    body = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { kind: 'unreadable', detail: 'the body is no JSON object' };
  const listed = listedKind(body);
  if (listed !== null) return { kind: 'events', events: [listedEvent(listed, body)] };
  const first = (name: string): string | undefined => headerValues(request, name)[0];
  const ids = [first('x-shopify-event-id'), first('x-shopify-webhook-id')];
  const fingerprint = (): Buffer => contentFingerprint(request.body, []);
  const test = at(body, 'test') ?? at(listAt(body, 'transactions')[0], 'test');
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id: ids.find((id) => id !== undefined && ID.test(id)) ?? `content:${fingerprint().toString('hex')}`,
        idSigned: false,
        transmissionId: null,
        type: topicOf(bodyKind(body), first('x-shopify-topic')),
        apiVersion: first('x-shopify-api-version') ?? null,
        live: typeof test === 'boolean' ? !test : null,
        // Never the shop header: under another account the same movement would post a second time.
        account: null,
        occurredAt: isoTime(textAt(body, 'updated_at') ?? textAt(body, 'created_at')) ?? null,
        fingerprint,
      },
    ],
  };
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
