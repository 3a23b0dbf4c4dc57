import { verify as verifySignature } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
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
import { headerValues } from '../signature.ts';
import { strictBase64 } from '../strict-base64.ts';
import { createChains } from './certificate-chain.ts';
import { certificateEnvironment } from './certificate-url.ts';
import { certificatesFor } from './simulated-settings.ts';

/*
 * PAYPAL-TRANSMISSION-SIG: base64 RSASSA-PKCS1-v1_5 with SHA-256 over `id|time|webhookId|crc32`, where crc32 is that of
 * the raw body in decimal. The certificate is under PAYPAL-CERT-URL.
 * developer.paypal.com/api/rest/webhooks/rest/#link-selfverification
 *
 * The body is bound by a CRC-32 alone, which anybody can forge over a captured request: hence the transmission id.
 */
const HEADERS = {
  id: 'paypal-transmission-id',
  time: 'paypal-transmission-time',
  signature: 'paypal-transmission-sig',
  url: 'paypal-cert-url',
  algorithm: 'paypal-auth-algo',
} as const;
const ALGORITHM = 'SHA256withRSA';
/** A blank or a bar in it would move the borders of the signed text. */
const TRANSMISSION_ID = /^[A-Za-z0-9-]{1,128}$/;
const SIGNATURE_BYTES_MAX = 1_024;
/** PayPal tries for three days, and does not say whether a later try has a new time. */
export const TOLERANCE_S = 4 * 86_400;

const chainOf = createChains();

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const webhookIds = webhookIdsOf(context);
  if (webhookIds.length === 0) return rejected('no_secret', 'the endpoint has no webhook_id');
  const sent = readHeaders(request);
  if (typeof sent === 'string')
    return sent === ''
      ? rejected('signature_missing', 'a PAYPAL- header is missing')
      : rejected('signature_malformed', sent);
  if (sent.algorithm !== ALGORITHM) return rejected('unsupported', `only ${ALGORITHM} is accepted`);
  if (!TRANSMISSION_ID.test(sent.id)) return rejected('signature_malformed', 'the transmission id is none');
  const time = isoTime(sent.time);
  if (time === undefined) return rejected('signature_malformed', 'the transmission time is no time');
  const signature = strictBase64(sent.signature, SIGNATURE_BYTES_MAX);
  if (signature === null)
    return rejected('signature_malformed', 'the transmission signature is no RSA signature in base64');
  const environment = certificateEnvironment(sent.url);
  if (environment === null) return rejected('certificate', "the certificate URL is none of PayPal's");
  const age = Math.round((context.now - time) / 1000);
  const tolerance = context.settings.tolerance_s ?? TOLERANCE_S;
  if (Math.abs(age) > tolerance)
    return rejected('stale', `transmitted ${age} s ago; ${tolerance} s are allowed: is the clock right?`);

  const chain = chainOf(sent.url, environment, certificatesFor(context));
  if (chain.kind === 'needs') return chain;
  if (chain.kind === 'refused') return rejected('certificate', chain.detail);
  if (context.now < chain.notBefore || context.now > chain.notAfter) {
    return rejected('certificate', 'a certificate of the chain is not valid now');
  }
  const match = webhookIds.find(({ webhookId }) => {
    const text = signedText(sent.id, sent.time, webhookId, request.body);
    return verifySignature('RSA-SHA256', Buffer.from(text), chain.key, signature);
  });
  if (match === undefined) {
    return rejected(
      'signature_mismatch',
      'the signature does not fit: another webhook id (each endpoint has its own), or the body was changed',
    );
  }
  return { kind: 'authentic', level: 'body', secretId: match.secretId };
}

/**
 * The webhook id of the settings, and those kept as secrets: they take part in the signature like one, and two are valid
 * while a webhook is made anew at PayPal.
 */
function webhookIdsOf(context: VerifyContext): { webhookId: string; secretId: string | null }[] {
  const own = webhookIdOf(context.settings);
  const kept = context.secrets
    .filter(({ secret }) => isWebhookId(secret))
    .map(({ id, secret }) => ({ webhookId: secret, secretId: id }));
  return own === null ? kept : [{ webhookId: own, secretId: null }, ...kept];
}

const WEBHOOK_ID = /^[A-Z0-9]{10,40}$/;

/** The id PayPal gives a webhook. Never `WEBHOOK_ID`: the simulator signs over that text for anybody with an account. */
export function isWebhookId(text: string): boolean {
  return WEBHOOK_ID.test(text);
}

export function signedText(id: string, time: string, webhookId: string, body: Buffer): string {
  return `${id}|${time}|${webhookId}|${crc32(body)}`;
}

type SentHeaders = Record<keyof typeof HEADERS, string>;

/** The headers, each exactly once; '' where one is missing, else what is wrong with them. */
function readHeaders(request: WebhookRequest): SentHeaders | string {
  const found: Partial<SentHeaders> = {};
  for (const name of ['id', 'time', 'signature', 'url', 'algorithm'] as const) {
    const [value, second] = headerValues(request, HEADERS[name]);
    if (value === undefined || value === '') return '';
    if (second !== undefined) return `there are two ${HEADERS[name]} headers`;
    found[name] = value;
  }
  return found as SentHeaders;
}

export function webhookIdOf(settings: EndpointSettings): string | null {
  const id = settings.webhook_id;
  return typeof id === 'string' && id !== '' && id !== 'WEBHOOK_ID' ? id : null;
}

export function identify(request: WebhookRequest): Identification {
  let parsed: Json;
  try {
    parsed = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  const id = textAt(parsed, 'id');
  const [transmissionId] = headerValues(request, HEADERS.id);
  if (id === undefined) return { kind: 'unreadable', detail: 'the event has no id' };
  const environment = certificateEnvironment(headerValues(request, HEADERS.url)[0] ?? '');
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id,
        idSigned: true,
        transmissionId: transmissionId ?? null,
        type: textAt(parsed, 'event_type') ?? 'unknown',
        apiVersion: textAt(parsed, 'resource_version') ?? textAt(parsed, 'event_version') ?? null,
        // The certificate's name is the environment's, so this is as good as signed.
        live: environment === null ? null : environment === 'live',
        // Some resources name their payee and some do not: of one payment's events some would land on another account.
        account: null,
        occurredAt: isoTime(textAt(parsed, 'create_time')) ?? null,
        fingerprint: () => contentFingerprint(request.body, []),
      },
    ],
  };
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
