import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { readTime, steps } from '../body-paths.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import { readMapping } from '../mapping.ts';
import type {
  ActiveSecret,
  EndpointSettings,
  Identification,
  RejectReason,
  Verdict,
  VerifyContext,
  WebhookRequest,
} from '../provider.ts';
import { headerValues, hmac, safeEqual } from '../signature.ts';
import { strictBase64 } from '../strict-base64.ts';
import { readScheme, type Scheme, type TimestampUnit } from './scheme.ts';
import { type Field, holds, separators } from './template.ts';

const TOLERANCE_S = 300;
const MAC_BYTES = { sha1: 20, sha256: 32, sha512: 64 } as const;
const KEY_BYTES_MAX = 1_024;
const ID = /^[\x21-\x7e]{1,256}$/;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const scheme = readScheme(context.settings);
  // As without a secret: our own fault, and the sender shall try again.
  if (scheme === null) return rejected('no_secret', 'the endpoint’s settings do not say how its sender signs');
  const secrets = context.secrets.flatMap((one) => {
    const key = readSecret(one, scheme.secretEncoding);
    return key === null ? [] : [{ id: one.id, key }];
  });
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no usable secret that is valid now');
  const [header, second] = headerValues(request, scheme.signatureHeader);
  if (header === undefined) return rejected('signature_missing', `there is no ${scheme.signatureHeader} header`);
  if (second !== undefined) return rejected('signature_malformed', `there are two ${scheme.signatureHeader} headers`);
  const given = readMac(header, scheme);
  if (typeof given === 'string') return rejected('signature_malformed', given);
  const fields = fieldsOf(request, scheme);
  if (typeof fields === 'string') return rejected('signature_malformed', fields);
  const parts = scheme.signed.map((part) => ('literal' in part ? part.literal : fields[part.field]));
  const match = secrets.find(({ key }) => safeEqual(given, hmac(scheme.algorithm, key, ...parts)));
  if (match === undefined) {
    const about = holds(scheme.signed, 'url') ? ', another PUBLIC_URL' : '';
    return rejected(
      'signature_mismatch',
      `the signature fits no secret: another secret${about}, another scheme or a changed body`,
    );
  }
  if (scheme.timestamp !== null) {
    const age =
      Math.floor(context.now / 1000) -
      Math.floor((timeOf(String(fields.timestamp), scheme.timestamp.unit) ?? 0) / 1000);
    const tolerance = context.settings.tolerance_s ?? TOLERANCE_S;
    if (Math.abs(age) > tolerance)
      return rejected('stale', `signed ${age} s ago; ${tolerance} s are allowed: is the clock right?`);
  }
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

/** An empty key would be one that everybody has. */
function readSecret({ secret }: ActiveSecret, encoding: Scheme['secretEncoding']): Buffer | null {
  if (secret === '') return null;
  switch (encoding) {
    case 'text':
      return Buffer.from(secret);
    case 'hex':
      return /^(?:[0-9a-fA-F]{2})+$/.test(secret) ? Buffer.from(secret, 'hex') : null;
    case 'base64':
      return strictBase64(secret, KEY_BYTES_MAX);
  }
}

function readMac(header: string, { prefix, encoding, algorithm }: Scheme): Buffer | string {
  if (!header.startsWith(prefix)) return `the signature does not begin with ${prefix}`;
  const text = header.slice(prefix.length);
  const bytes = MAC_BYTES[algorithm];
  const shape = encoding === 'hex' ? 'hexadecimal digits' : 'base64';
  const fault = `the signature is not ${bytes} bytes in ${shape}`;
  if (encoding === 'hex')
    return text.length === 2 * bytes && /^[0-9a-fA-F]+$/.test(text) ? Buffer.from(text, 'hex') : fault;
  const mac = strictBase64(text, bytes);
  return mac?.length === bytes ? mac : fault;
}

/** The values of the template's fields, or in words which of them cannot be taken. */
function fieldsOf(request: WebhookRequest, { signed, timestamp, id }: Scheme): Record<Field, string | Buffer> | string {
  const fields = { body: request.body, url: request.url, method: request.method, timestamp: '', id: '' };
  if (timestamp !== null) {
    const [value, second] = headerValues(request, timestamp.header);
    if (value === undefined || second !== undefined) return `${timestamp.header} must be there exactly once`;
    if (timeOf(value, timestamp.unit) === undefined) return `${timestamp.header} is no time as timestamp_unit says`;
    fields.timestamp = value;
  }
  if (holds(signed, 'id') && 'header' in id) {
    const [value, second] = headerValues(request, id.header);
    if (value === undefined || second !== undefined) return `${id.header} must be there exactly once`;
    // With the separator in it, two requests could share one signed text.
    if (!ID.test(value) || separators(signed, 'id').some(({ text }) => value.includes(text)))
      return `${id.header} is no id without the separator`;
    fields.id = value;
  }
  return fields;
}

function timeOf(text: string, unit: TimestampUnit): number | undefined {
  if (unit === 'iso') return isoTime(text);
  if (!/^(?:0|[1-9]\d{0,14})$/.test(text)) return undefined;
  return unit === 'ms' ? Number(text) : Number(text) * 1000;
}

export function identify(request: WebhookRequest, settings: EndpointSettings): Identification {
  const scheme = readScheme(settings);
  if (scheme === null) return { kind: 'unreadable', detail: 'the endpoint’s settings do not say where the id is' };
  let body: Json;
  try {
    body = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  const id = idOf(request, scheme, body);
  if (id === undefined) {
    const where = 'path' in scheme.id ? `in the body at ${scheme.id.path}` : `in the header ${scheme.id.header}`;
    return { kind: 'unreadable', detail: `there is no event id ${where}` };
  }
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id,
        idSigned: 'path' in scheme.id || holds(scheme.signed, 'id'),
        transmissionId: null,
        type: textAt(body, ...steps(readMapping(settings)?.type_path ?? 'type')) ?? 'unknown',
        apiVersion: null,
        live: null,
        account: null,
        occurredAt: readTime(textAt(body, 'timestamp')),
        fingerprint: () => contentFingerprint(request.body, []),
      },
    ],
  };
}

function idOf(request: WebhookRequest, { id }: Scheme, body: Json): string | undefined {
  if ('path' in id) return textAt(body, ...steps(id.path));
  const [value] = headerValues(request, id.header);
  return value !== undefined && ID.test(value) ? value : undefined;
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
