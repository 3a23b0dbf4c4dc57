import { constants, verify as verifySignature } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { readTime, steps } from '../body-paths.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { readMapping } from '../mapping.ts';
import type {
  EndpointSettings,
  Identification,
  RejectReason,
  Verdict,
  VerifyContext,
  WebhookRequest,
} from '../provider.ts';
import { headerValues, hmacSha256, safeEqual } from '../signature.ts';
import { digestFault } from './content-digest.ts';
import { readKey, type VerifyKey } from './keys.ts';
import { signatureBase } from './signature-base.ts';
import { type InnerList, parseDictionary } from './structured-fields.ts';

/*
 * Signature-Input: sig1=("@method" "content-digest");created=1767225600;keyid="key-1"
 * Signature: sig1=:<base64>:
 *
 * RFC 9421 leaves to the receiver what a signature must cover, how old it may be and which key it may use: a signature
 * over the date alone is valid too. Here the body must be covered, by its digest, and `created` must be there.
 */
const HEADER_CHARS_MAX = 8_192;
const LABELS_MAX = 10;
const TOLERANCE_S = 300;
const RSA_SALT_BYTES = 64;
const BODY = 'content-digest';

type Rejected = Extract<Verdict, { kind: 'rejected' }>;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const keys = context.secrets.flatMap(({ id, secret }) => {
    const key = readKey(secret);
    return typeof key === 'string' ? [] : [{ id, key }];
  });
  if (keys.length === 0) return rejected('no_secret', 'the endpoint has no usable key that is valid now');
  const inputs = headerValues(request, 'signature-input').join(', ');
  const values = headerValues(request, 'signature').join(', ');
  if (inputs === '' || values === '')
    return rejected('signature_missing', 'there is no Signature-Input or no Signature header');
  if (inputs.length > HEADER_CHARS_MAX || values.length > HEADER_CHARS_MAX)
    return rejected('signature_malformed', `a signature header is over ${HEADER_CHARS_MAX} characters`);
  const covered = parseDictionary(inputs);
  const signatures = parseDictionary(values);
  if (covered === null || signatures === null)
    return rejected('signature_malformed', 'a signature header is no dictionary, or has a label twice');
  if (covered.size > LABELS_MAX) return rejected('signature_malformed', `there are more than ${LABELS_MAX} signatures`);

  // Proxies may sign as well: one signature that holds is enough, and the last fault is told otherwise.
  let fault = rejected('signature_malformed', 'no signature has an input of the same label');
  for (const [label, input] of covered) {
    const signature = signatures.get(label);
    if (signature === undefined) continue;
    if (!('list' in input) || !('item' in signature) || signature.item.kind !== 'bytes') {
      fault = rejected('signature_malformed', `${label} is no list of components, or its signature no byte sequence`);
      continue;
    }
    const verdict = verifyOne(request, input, signature.item.value, keys, context);
    if (verdict.kind !== 'rejected') return verdict;
    fault = verdict;
  }
  return fault;
}

type NamedKey = { readonly id: string; readonly key: VerifyKey };

function verifyOne(
  request: WebhookRequest,
  input: InnerList,
  signature: Buffer,
  keys: readonly NamedKey[],
  context: VerifyContext,
): Verdict {
  const { created, expires, keyid, alg } = Object.fromEntries(input.parameters);
  if (keyid?.kind !== 'text') return rejected('signature_malformed', 'the signature names no keyid');
  if (created?.kind !== 'integer') return rejected('signature_malformed', 'the signature has no created time');
  const candidates = keys.filter(({ key }) => key.keyid === keyid.value);
  if (candidates.length === 0)
    return rejected('signature_mismatch', `the endpoint has no key "${keyid.value.slice(0, 60)}"`);
  const uncovered = coveredComponents(context.settings).find(
    (name) =>
      !input.list.some(({ item, parameters }) => item.kind === 'text' && item.value === name && parameters.size === 0),
  );
  if (uncovered !== undefined) return rejected('unsupported', `the signature does not cover "${uncovered}"`);
  const built = signatureBase(request, input);
  if ('fault' in built) return rejected('unsupported', built.fault);
  const base = Buffer.from(built.base, 'latin1');
  const match = candidates.find(
    ({ key }) => (alg === undefined || alg.value === key.alg) && fits(key, base, signature),
  );
  if (match === undefined) {
    return rejected(
      'signature_mismatch',
      'the signature fits no key of that id: another key or algorithm, a changed component, or another PUBLIC_URL',
    );
  }
  const now = Math.floor(context.now / 1000);
  const tolerance = context.settings.tolerance_s ?? TOLERANCE_S;
  if (Math.abs(now - created.value) > tolerance)
    return rejected('stale', `signed ${now - created.value} s ago; ${tolerance} s are allowed: is the clock right?`);
  if (expires !== undefined && !(expires.kind === 'integer' && expires.value > now))
    return rejected('stale', 'the signature has expired by its own word');
  const covers = input.list.some(({ item }) => item.value === BODY);
  const digest = covers ? digestFault(request) : null;
  if (digest !== null) return rejected('signature_mismatch', digest);
  return { kind: 'authentic', level: covers ? 'body' : 'hint', secretId: match.id };
}

function fits({ alg, key }: VerifyKey, base: Buffer, signature: Buffer): boolean {
  try {
    switch (alg) {
      case 'hmac-sha256':
        return safeEqual(signature, hmacSha256(key, base));
      case 'ed25519':
        return verifySignature(null, base, key, signature);
      case 'rsa-pss-sha512': {
        const { RSA_PKCS1_PSS_PADDING: padding } = constants;
        return verifySignature('sha512', base, { key, padding, saltLength: RSA_SALT_BYTES }, signature);
      }
      case 'ecdsa-p256-sha256':
        return verifySignature('sha256', base, { key, dsaEncoding: 'ieee-p1363' }, signature);
    }
  } catch {
    // A signature of another length is an error to some versions of OpenSSL, and a refusal to others.
    return false;
  }
}

/** What a signature must cover: the setting `components`, else the body's digest. */
function coveredComponents(settings: EndpointSettings): readonly string[] {
  return Array.isArray(settings.components) ? (settings.components as string[]) : [BODY];
}

/** The id is in the body: signed where every signature must cover the body, else the sender's word only. */
export function identify(request: WebhookRequest, settings: EndpointSettings): Identification {
  let body: Json;
  try {
    body = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  const path = typeof settings.id_path === 'string' ? settings.id_path : 'id';
  const id = textAt(body, ...steps(path));
  if (id === undefined) return { kind: 'unreadable', detail: `the body has no event id at ${path}` };
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id,
        idSigned: coveredComponents(settings).includes(BODY),
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

function rejected(reason: RejectReason, detail: string): Rejected {
  return { kind: 'rejected', reason, detail };
}
