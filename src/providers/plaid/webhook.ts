import { hash, verify as verifySignature } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { isObject, type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import type { Identification, RejectReason, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues, safeEqual } from '../signature.ts';
import { credentialsOf, keyUrl } from './hosts.ts';
import { isListedEvent, listedEvent } from './listed-event.ts';
import { readToken, type Token } from './token.ts';
import { createVerificationKeys, type VerificationKey } from './verification-key.ts';

/*
 * Plaid-Verification: a JWT signed with ES256 by one of Plaid's keys, with the SHA-256 of the body and the time in it.
 * plaid.com/docs/api/webhooks/webhook-verification
 *
 * The keys are Plaid's and not the endpoint's: a webhook for another client is as authentic as ours. That is why nothing
 * in a body is posted, only what our own API key is told.
 */
const HEADER = 'plaid-verification';
/** "use the iat claim to verify that the webhook is not more than 5 minutes old"; each retry is signed anew. */
export const TOLERANCE_S = 300;

const verificationKey = createVerificationKeys();

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const pinned = context.secrets.flatMap(({ id, secret }) => {
    const key = verificationKey(secret);
    return key === null ? [] : [{ ...key, secretId: id }];
  });
  if (pinned.length === 0 && credentialsOf(context.settings) === null)
    return rejected('no_secret', 'the endpoint has neither client_id and api_key nor a verification key');
  const [header, second] = headerValues(request, HEADER);
  if (header === undefined || header === '') return rejected('signature_missing', `there is no ${HEADER} header`);
  if (second !== undefined) return rejected('signature_malformed', `there are two ${HEADER} headers`);
  const token = readToken(header);
  if (token === null) return rejected('signature_malformed', `${HEADER} is no JWT with Plaid's claims`);
  // Before any key is looked up: with "none" or an HMAC the token would choose how it is believed.
  if (token.algorithm !== 'ES256') return rejected('unsupported', 'only ES256 is accepted');
  const age = Math.floor(context.now / 1000) - token.issuedAt;
  const tolerance = context.settings.tolerance_s ?? TOLERANCE_S;
  if (Math.abs(age) > tolerance)
    return rejected('stale', `issued ${age} s ago; ${tolerance} s are allowed: is the clock right?`);
  if (!safeEqual(hash('sha256', request.body, 'buffer'), Buffer.from(token.bodySha256, 'hex')))
    return rejected('signature_mismatch', 'the body is not the one the token was made for: was it written anew?');

  const own = pinned.find(({ keyId }) => keyId === token.keyId);
  if (own !== undefined) return checked(token, own, own.secretId);
  if (credentialsOf(context.settings) === null)
    return rejected(
      'certificate',
      "its key is none of the endpoint's, and without client_id and api_key none is fetched",
    );
  const url = keyUrl(context.settings, token.keyId);
  const text = context.certificates.get(url);
  if (text === undefined) return { kind: 'needs', url };
  const fetched = verificationKey(text);
  if (fetched?.keyId !== token.keyId) return rejected('certificate', 'what Plaid answered is not that key');
  return checked(token, fetched, null);
}

function checked(token: Token, { key, expired }: VerificationKey, secretId: string | null): Verdict {
  if (expired) return rejected('certificate', 'the key has expired');
  const fits = verifySignature('sha256', token.signed, { key, dsaEncoding: 'ieee-p1363' }, token.signature);
  return fits
    ? { kind: 'authentic', level: 'body', secretId }
    : rejected('signature_mismatch', 'the signature does not fit: the token was changed');
}

/**
 * There is no event id. A hint is what it says and about, and the second it was issued in, which is signed; retries are
 * signed anew and count as hints of their own: what they lead to is posted once.
 */
export function identify(request: WebhookRequest): Identification {
  let body: Json;
  try {
    body = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  if (isListedEvent(body, request.headers)) return { kind: 'events', events: [listedEvent(body, request.body)] };
  const type = textAt(body, 'webhook_type');
  const code = textAt(body, 'webhook_code');
  if (!isObject(body) || type === undefined || code === undefined)
    return { kind: 'unreadable', detail: 'the body has no webhook_type and webhook_code' };
  const issuedAt = readToken(headerValues(request, HEADER)[0] ?? '')?.issuedAt;
  const ids = Object.keys(body)
    .filter((name) => name.endsWith('_id'))
    .sort()
    .flatMap((name) => textAt(body, name) ?? []);
  const environment = textAt(body, 'environment');
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id: [`${type}.${code}`, ...ids, `@${issuedAt ?? 'unsigned'}`].join(':'),
        idSigned: true,
        transmissionId: null,
        type: `${type}.${code}`,
        apiVersion: null,
        live: environment === 'production' ? true : environment === undefined ? null : false,
        account: null,
        occurredAt: issuedAt === undefined ? null : issuedAt * 1000,
        fingerprint: () => contentFingerprint(request.body, []),
      },
    ],
  };
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
