import sdk from 'braintree';
import { expect, it } from 'vitest';
import { braintree } from '../../../src/providers/braintree/index.ts';
import { digest } from '../../../src/providers/braintree/key-pairs.ts';
import { createRandom, type Random } from '../../support/random.ts';
import { FIRST, NOW, notificationXml, URL as PLACE, SECOND, samples, transaction } from './samples.ts';

/*
 * Braintree's own library against our verifier and our answer to challenges, on notifications that are signed and then
 * changed in one or two ways. Both must say the same, but for what `onPurpose` lists with the text we follow instead;
 * and what is on purpose is stricter, never looser.
 */
const SEED = 20_261_123;
const REQUESTS = 4_000;
const [PUBLIC = '', PRIVATE = ''] = FIRST.split(':');
const [SECOND_PUBLIC = '', SECOND_PRIVATE = ''] = SECOND.split(':');

const gateway = new sdk.BraintreeGateway({
  environment: sdk.Environment.Sandbox,
  merchantId: 'made_merchant',
  publicKey: PUBLIC,
  privateKey: PRIVATE,
});

// The library has it; its types leave it out.
const { WebhookNotification } = sdk as unknown as {
  WebhookNotification: { Kind: Record<string, sdk.WebhookNotificationKind> };
};

type Sent = { signature: string; payload: string };
type Change = (sent: Sent, random: Random) => Sent;

function flipped(text: string, random: Random): string {
  const at = random.below(Math.max(1, text.length));
  return text.slice(0, at) + random.pick([...'0123456789abcdefABCDEF|&=,. +/_-\n']) + text.slice(at + 1);
}

const signedBy = (publicKey: string, privateKey: string, payload: string): string =>
  `${publicKey}|${digest({ privateKey }, payload)}`;

const CHANGES: readonly Change[] = [
  (sent) => sent,
  (sent) => sent,
  (sent, random) => ({ ...sent, signature: flipped(sent.signature, random) }),
  (sent, random) => ({ ...sent, payload: flipped(sent.payload, random) }),
  (sent, random) => ({ ...sent, signature: sent.signature.slice(0, random.below(sent.signature.length)) }),
  (sent, random) => ({ ...sent, payload: sent.payload.slice(0, -1 - random.below(3)) }),
  (sent) => ({ ...sent, payload: sent.payload.slice(0, -1) }),
  (sent, random) => ({ ...sent, payload: sent.payload + random.pick(['\n', 'A', '=', ' ', '\r\n', '\n\n']) }),
  (sent, random) => ({
    ...sent,
    signature: sent.signature + random.pick(['0', 'a', '\n', '|', '&', '|x', '&x|y', '\u0000']),
  }),
  (sent) => ({ ...sent, signature: sent.signature.toUpperCase() }),
  (sent) => ({ ...sent, signature: '' }),
  (sent) => ({ ...sent, payload: '' }),
  (sent) => ({ ...sent, signature: sent.signature.replace('|', '||') }),
  (sent) => ({ ...sent, signature: `${signedBy(SECOND_PUBLIC, SECOND_PRIVATE, sent.payload)}&${sent.signature}` }),
  (sent) => ({ ...sent, signature: `${sent.signature}&${signedBy(SECOND_PUBLIC, SECOND_PRIVATE, sent.payload)}` }),
  (sent) => ({ ...sent, signature: signedBy(SECOND_PUBLIC, SECOND_PRIVATE, sent.payload) }),
  (sent) => ({ ...sent, signature: signedBy(PUBLIC, SECOND_PRIVATE, sent.payload) }),
  (sent) => ({ ...sent, signature: `${PUBLIC}|${'0'.repeat(40)}&${sent.signature}` }),
  (sent) => ({ ...sent, signature: `${sent.signature}&${PUBLIC}|${'0'.repeat(40)}` }),
  (_, random) => {
    const payload = Array.from({ length: 20 + random.below(13) }, () => random.pick([...'0123456789abcdef'])).join('');
    return { payload, signature: signedBy(PUBLIC, PRIVATE, payload) };
  },
];

/** Why ours refuses what the library takes. */
function onPurpose({ signature, payload }: Sent): string | undefined {
  // "bt_challenge … 20 to 32 hex characters" (the library's `verify` refuses others): whoever asks for a challenge gets a
  // MAC over such a text, so as a payload it is no notification.
  if (/^[a-f0-9]{20,32}$/.test(payload)) return 'the payload is a challenge';
  // developer.paypal.com/braintree/docs/guides/webhooks/parse: bt_signature is what Braintree sent, pairs of publicKey|hex
  // joined by "&". The library drops items without a bar, and what stands behind a second one.
  if (signature.split('&').some((pair) => pair.split('|').length !== 2)) return 'the signature is no list of pairs';
  // The digest is 40 hex digits. The library's comparison takes a missing character for U+0000.
  if (signature.includes('\u0000')) return 'there is something behind the signature';
  return undefined;
}

/** Only the signature: what the library makes of the XML afterwards is another matter. */
function theirs({ signature, payload }: Sent): boolean {
  const { webhookNotification } = gateway as unknown as {
    webhookNotification: { validateSignature(signature: string, payload: string): unknown };
  };
  if (signature === '' || payload === '' || /[^A-Za-z0-9+=/\n]/.test(payload)) return false;
  return webhookNotification.validateSignature(signature, payload) === null;
}

it('agrees with the library on thousands of changed notifications', () => {
  const random = createRandom(SEED);
  const outcomes = new Map<string, number>();
  for (let n = 0; n < REQUESTS; n += 1) {
    const xml = notificationXml('transaction_settled', 'transaction', transaction({ id: `madetx${random.below(50)}` }));
    const payload = `${Buffer.from(xml).toString('base64').replaceAll(/.{60}/g, '$&\n')}\n`;
    const used = [random.pick(CHANGES), ...(random.below(4) === 0 ? [random.pick(CHANGES)] : [])];
    const sent = used.reduce((one, change) => change(one, random), {
      payload,
      signature: signedBy(PUBLIC, PRIVATE, payload),
    });
    const body = Buffer.from(
      new URLSearchParams({ bt_signature: sent.signature, bt_payload: sent.payload }).toString(),
    );
    const request = { method: 'POST', url: PLACE, headers: [], body };
    const ours = braintree.verify(request, samples.context([FIRST], NOW)).kind === 'authentic';
    const library = theirs(sent);
    const reason = ours === library ? undefined : onPurpose(sent);
    const about = `seed ${SEED}, request ${n}: ${JSON.stringify(sent.signature)} ${JSON.stringify(sent.payload.slice(-20))}`;
    if (reason === undefined) expect(ours, about).toBe(library);
    else expect(ours, about).toBe(false);
    const outcome = reason ?? (ours ? 'both take it' : 'both refuse it');
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  expect(outcomes.get('both take it') ?? 0).toBeGreaterThan(500);
  expect(outcomes.get('both refuse it') ?? 0).toBeGreaterThan(1_000);
  expect(outcomes.get('the payload is a challenge') ?? 0).toBeGreaterThan(50);
});

it('answers challenges as the library does, and only those', () => {
  const random = createRandom(SEED);
  for (let n = 0; n < 1_000; n += 1) {
    const length = 15 + random.below(22);
    const hex = Array.from({ length }, () => random.pick([...'0123456789abcdef'])).join('');
    const challenge = random.below(3) === 0 ? flipped(hex, random) : hex;
    const url = `${PLACE}?${new URLSearchParams({ bt_challenge: challenge })}`;
    const ours = braintree.challenge?.(
      { method: 'GET', url, headers: [], body: Buffer.alloc(0) },
      samples.context([FIRST], NOW),
    );
    let library: string | null = null;
    try {
      library = (gateway.webhookNotification as unknown as { verify(challenge: string): string }).verify(challenge);
    } catch {
      // How the library says that this is no challenge.
      library = null;
    }
    expect(ours?.body ?? null, JSON.stringify(challenge)).toBe(library);
  }
});

it('reads what the library makes of its samples', async () => {
  for (const kind of Object.values(WebhookNotification.Kind)) {
    const made = await gateway.webhookTesting.sampleNotification(kind, 'made_id');
    const body = Buffer.from(new URLSearchParams({ ...made }).toString());
    const request = { method: 'POST', url: PLACE, headers: [], body };
    expect(braintree.verify(request, samples.context([FIRST], NOW)).kind, kind).toBe('authentic');
    expect(braintree.identify(request, {}), kind).toMatchObject({ kind: 'events', events: [{ type: kind }] });
    const meaning = braintree.normalise(
      {
        item: 0,
        id: 'x',
        type: kind,
        account: 'main',
        headers: [],
        body,
        receivedAt: NOW,
        level: 'body',
        fetched: null,
      },
      {},
    );
    expect(meaning.kind, kind).toMatch(/^(effects|no_effect|fetch)$/);
  }
});
