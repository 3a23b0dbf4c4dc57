import { createHash } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type { Answer, Identification, RejectReason, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { safeEqual } from '../signature.ts';
import { readForm } from './form.ts';
import { digest, type KeyPair, keyPair } from './key-pairs.ts';
import { isListed, listedEvent } from './listed-object.ts';
import { isPayload, type Notification, notificationOf, readPayload } from './notification.ts';

/*
 * bt_signature=publicKey|hex[&publicKey|hex …], one pair for each of the merchant's API keys; the hex is an HMAC-SHA1
 * over the text of bt_payload. developer.paypal.com/braintree/docs/guides/webhooks/parse; the digest is only told by the
 * libraries (braintree_node:lib/braintree/webhook_notification_gateway.js).
 */
const PAIRS_MAX = 20;
const MAC_HEX = /^[0-9a-f]{40}$/;
const CHALLENGE = /^[a-f0-9]{20,32}$/;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const keys = context.secrets.flatMap((secret) => keyPair(secret) ?? []);
  if (keys.length === 0) return rejected('no_secret', 'the endpoint has no key pair that is valid now');
  const form = readForm(request.body);
  if (form === null || form.signature === null || form.signature === '')
    return rejected('signature_missing', 'the body is no form with bt_signature');
  if (form.repeated) return rejected('signature_malformed', 'bt_signature or bt_payload is there twice');
  if (form.payload === null || !isPayload(form.payload)) return rejected('unreadable', 'there is no bt_payload');
  // `challenge` signs such texts for whoever asks: they must not come back as payloads.
  if (CHALLENGE.test(form.payload)) return rejected('signature_mismatch', 'the payload is a challenge');
  const pairs = readPairs(form.signature);
  if (pairs === null) return rejected('signature_malformed', 'bt_signature is no list of publicKey|signature');
  const known = keys.filter(({ publicKey }) => pairs.has(publicKey));
  if (known.length === 0) {
    return rejected('signature_mismatch', "it is signed for other public keys than the endpoint's: another merchant?");
  }
  const { payload } = form;
  const match = known.find((key) => fits(pairs.get(key.publicKey) ?? '', key, payload));
  if (match === undefined)
    return rejected('signature_mismatch', 'the signature does not fit: another private key, or a changed payload');
  return { kind: 'authentic', level: 'body', secretId: match.secretId };
}

/** By public key; of two with one key the first counts, as in the libraries. Null for anything but pairs. */
function readPairs(text: string): ReadonlyMap<string, string> | null {
  const items = text.split('&', PAIRS_MAX + 1);
  if (items.length > PAIRS_MAX) return null;
  const pairs = new Map<string, string>();
  for (const item of items) {
    const [publicKey = '', signature, more] = item.split('|', 3);
    if (signature === undefined || more !== undefined) return null;
    if (!pairs.has(publicKey)) pairs.set(publicKey, signature);
  }
  return pairs;
}

/** The payload's last newline is lost on some ways; the libraries put it back too. */
function fits(signature: string, key: KeyPair, payload: string): boolean {
  if (!MAC_HEX.test(signature)) return false;
  const given = Buffer.from(signature);
  return [payload, `${payload}\n`].some((text) => safeEqual(given, Buffer.from(digest(key, text))));
}

/**
 * `GET ?bt_challenge=…` when the address is entered in the Control Panel: answered with the first key pair, since the
 * challenge does not say which of the merchant's keys it is meant for.
 */
export function challenge(request: WebhookRequest, { secrets }: Pick<VerifyContext, 'secrets'>): Answer | null {
  if (!URL.canParse(request.url)) return null;
  const [asked, second] = new URL(request.url).searchParams.getAll('bt_challenge');
  const [key] = secrets.flatMap((secret) => keyPair(secret) ?? []);
  if (asked === undefined || second !== undefined || !CHALLENGE.test(asked) || key === undefined) return null;
  return { status: 200, headers: { 'content-type': 'text/plain' }, body: `${key.publicKey}|${digest(key, asked)}` };
}

/** There is no event id: kind, time, object and its status stand for one. */
export function identify(request: WebhookRequest): Identification {
  let notification: Notification;
  try {
    const payload = readPayload(request.body);
    if (isListed(payload.name)) {
      const listed = listedEvent(payload.name, payload.value);
      return listed === null
        ? { kind: 'unreadable', detail: `the ${payload.name} has no id or no status` }
        : { kind: 'events', events: [listed] };
    }
    notification = notificationOf(payload);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  const { kind, timestamp, merchant, tree } = notification;
  const content = Buffer.from(JSON.stringify(tree));
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id: [kind, timestamp, ...subjectIds(notification, content)].filter((part) => part !== undefined).join(':'),
        idSigned: true,
        transmissionId: null,
        type: kind,
        apiVersion: null,
        // Sandbox and production have keys of their own; the notification does not say.
        live: null,
        // Only where it is about another merchant: disputes name no merchant account, transactions do, and the events of
        // one payment must not land on two accounts.
        account: merchant ?? null,
        occurredAt: isoTime(timestamp) ?? null,
        fingerprint: () => contentFingerprint(content, []),
      },
    ],
  };
}

const IDS = ['id', 'transaction-id', 'payment-id', 'token', 'merchant-public-id', 'partner-merchant-id'];

function subjectIds({ about, subject }: Notification, content: Buffer): (string | undefined)[] {
  const id = IDS.map((name) => textAt(subject, name)).find((one) => one !== undefined);
  if (id !== undefined) return [about, id, textAt(subject, 'status')];
  return [about, `sha256-${createHash('sha256').update(content).digest('hex')}`];
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
