import { constants, verify as verifySignature } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type { Identification, RejectReason, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues } from '../signature.ts';
import { strictBase64 } from '../strict-base64.ts';
import { publicKeyOf } from './keys.ts';
import { isListedTransfer, transferEvent } from './listed-transfer.ts';

/*
 * X-Signature-SHA256: base64 RSA PKCS#1 v1.5 with SHA-256 over the raw body, by the one key Wise has for each environment.
 * It says that Wise sent this, to somebody: everyone may subscribe any address to the events of his own profile. Which
 * profiles are ours is the setting `accounts`. X-Signature, the older SHA-1, is not looked at.
 * docs.wise.com/guides/developer/webhooks/event-handling
 */
export const HEADER = 'x-signature-sha256';
const DELIVERY = 'x-delivery-id';
const SIGNATURE_BYTES_MAX = 1_024;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const keys = context.secrets.flatMap(({ id, secret }) => {
    const key = publicKeyOf(secret);
    return key === null ? [] : [{ id, key }];
  });
  if (keys.length === 0) return rejected('no_secret', 'the endpoint names no key of Wise that is valid now');
  const [header, second] = headerValues(request, HEADER);
  if (header === undefined) return rejected('signature_missing', `there is no ${HEADER} header`);
  if (second !== undefined) return rejected('signature_malformed', `there are two ${HEADER} headers`);
  const given = strictBase64(header, SIGNATURE_BYTES_MAX);
  if (given === null) return rejected('signature_malformed', 'the signature is no base64');
  const match = keys.find(({ key }) =>
    verifySignature('sha256', request.body, { key, padding: constants.RSA_PKCS1_PADDING }, given),
  );
  if (match === undefined) {
    return rejected(
      'signature_mismatch',
      'the signature fits no key: the other environment’s, or the body was changed',
    );
  }
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

export function identify(request: WebhookRequest): Identification {
  let parsed: Json;
  try {
    parsed = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  if (isListedTransfer(parsed, request, HEADER)) return { kind: 'events', events: [transferEvent(parsed)] };
  const type = textAt(parsed, 'event_type');
  if (type === undefined) return { kind: 'unreadable', detail: 'the event has no event_type' };
  const occurred = textAt(parsed, 'data', 'occurred_at') ?? '';
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id:
          headerValues(request, DELIVERY)[0] ||
          [type, textAt(parsed, 'data', 'resource', 'id') ?? '', occurred].join(':'),
        // A header's: whoever holds one signed body can send it under any.
        idSigned: false,
        transmissionId: null,
        type,
        apiVersion: textAt(parsed, 'schema_version') ?? null,
        // X-Test-Notification is not signed either: believed, it could make a live event one of test mode.
        live: null,
        account: textAt(parsed, 'data', 'resource', 'profile_id') ?? textAt(parsed, 'data', 'profile_id') ?? null,
        occurredAt: isoTime(occurred) ?? null,
        fingerprint: () => contentFingerprint(request.body, ['sent_at']),
      },
    ],
  };
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
