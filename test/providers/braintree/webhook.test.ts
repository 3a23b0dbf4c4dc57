import { describe, expect, it } from 'vitest';
import { braintree } from '../../../src/providers/braintree/index.ts';
import { digest } from '../../../src/providers/braintree/key-pairs.ts';
import { signForm, signPayload } from '../../../src/providers/braintree/sign.ts';
import type { Verdict, WebhookRequest } from '../../../src/providers/provider.ts';
import { createRandom } from '../../support/random.ts';
import { FIRST, NOW, notification, notificationXml, URL as PLACE, SECOND, samples, transaction } from './samples.ts';

const body = notification('transaction_settled', 'transaction', transaction());
const [PUBLIC = '', PRIVATE = ''] = FIRST.split(':');

const request = (bytes: Buffer | string): WebhookRequest => ({
  method: 'POST',
  url: PLACE,
  headers: [],
  body: Buffer.from(bytes),
});
const verify = (bytes: Buffer | string, secrets: readonly string[] = [FIRST]): Verdict =>
  braintree.verify(request(bytes), samples.context(secrets, NOW));
const fields = (): { signature: string; payload: string } => {
  const form = new URLSearchParams(body.toString());
  return { signature: form.get('bt_signature') ?? '', payload: form.get('bt_payload') ?? '' };
};
const form = (pairs: ReadonlyArray<readonly [string, string]>): string =>
  new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString();
const signedAs = (signature: string, payload = fields().payload): string =>
  form([
    ['bt_signature', signature],
    ['bt_payload', payload],
  ]);

describe('bt_signature', () => {
  const { signature, payload } = fields();
  const mac = signature.slice(PUBLIC.length + 1);

  it('names the key pair that signed, among those of the merchant', () => {
    const others = `${'otherpublickey01'}|${'0'.repeat(40)}`;
    expect(verify(signedAs(`${others}&${signature}`))).toMatchObject({ kind: 'authentic', secretId: 's0' });
    expect(verify(signedAs(`${signature}&${others}`), [SECOND, FIRST])).toMatchObject({ secretId: 's1' });
    expect(verify(signedAs(others))).toMatchObject({ reason: 'signature_mismatch' });
  });

  it('takes either of two pairs the endpoint holds, when the other one does not fit', () => {
    const second = SECOND.split(':')[0];
    expect(verify(signedAs(`${second}|${'0'.repeat(40)}&${signature}`), [SECOND, FIRST])).toMatchObject({
      kind: 'authentic',
      secretId: 's1',
    });
  });

  it('is refused in another writing', () => {
    for (const other of [
      `${PUBLIC}|${mac.toUpperCase()}`,
      `${PUBLIC}|${mac} `,
      `${PUBLIC}|${mac}\u0000`,
      `${PUBLIC}|${mac.slice(0, 20)}`,
      `${PUBLIC}|`,
      `${PUBLIC}x|${mac}`,
      `x${PUBLIC}|${mac}`,
      `|${mac}`,
      mac,
      `${signature}|${mac}`,
      `${signature}&`,
      `${signature}&x`,
      Array.from({ length: 30 }, () => signature).join('&'),
    ]) {
      expect(verify(signedAs(other)).kind, other.slice(0, 100)).toBe('rejected');
    }
  });

  it('is missing, empty or repeated', () => {
    expect(verify(form([['bt_payload', payload]]))).toMatchObject({ reason: 'signature_missing' });
    expect(verify(signedAs(''))).toMatchObject({ reason: 'signature_missing' });
    expect(verify('')).toMatchObject({ reason: 'signature_missing' });
    expect(verify(`${body}&bt_signature=x`)).toMatchObject({ reason: 'signature_malformed' });
    expect(verify(`${body}&bt_payload=eA%3D%3D`)).toMatchObject({ reason: 'signature_malformed' });
    expect(verify(form([['bt_signature', signature]]))).toMatchObject({ reason: 'unreadable' });
    expect(verify(`${body}&x=%zz`)).toMatchObject({ kind: 'rejected' });
    expect(verify(`${'x=1&'.repeat(50)}${body}`)).toMatchObject({ kind: 'rejected' });
  });

  it('covers the payload with the newline that some ways lose', () => {
    expect(payload.endsWith('\n')).toBe(true);
    expect(verify(signedAs(signature, payload.slice(0, -1))).kind).toBe('authentic');
    expect(verify(signedAs(signature, `${payload}\n`)).kind).toBe('rejected');
    expect(verify(signedAs(signature, payload.replace('\n', ''))).kind).toBe('rejected');
    expect(verify(signedAs(signature, payload.replaceAll('\n', '\r\n')))).toMatchObject({ reason: 'unreadable' });
  });

  it('is made with the private key, not with the public one', () => {
    expect(verify(body, [`${PUBLIC}:${PRIVATE}x`])).toMatchObject({ reason: 'signature_mismatch' });
    expect(verify(body, ['not a pair', `${PUBLIC}`])).toMatchObject({ reason: 'no_secret' });
  });
});

describe('bt_challenge', () => {
  const ask = (query: string, secrets: readonly string[] = [FIRST]) =>
    braintree.challenge?.({ ...request(''), method: 'GET', url: `${PLACE}${query}` }, samples.context(secrets, NOW));

  it('is answered with the public key and the digest', () => {
    // Computed with the published algorithm: HMAC-SHA1 keyed with SHA1(private key).
    const keys = 'integration_public_key:integration_private_key';
    expect(ask('?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53', [keys])).toMatchObject({
      status: 200,
      body: 'integration_public_key|d9b899556c966b3f06945ec21311865d35df3ce4',
    });
    expect(ask(`?bt_challenge=${'a'.repeat(20)}`, [FIRST, SECOND])?.body).toMatch(`${PUBLIC}|`);
  });

  it('is left unanswered when it is none, or nobody can answer', () => {
    for (const query of ['', '?bt_challenge=', '?bt_challenge=xyz', `?bt_challenge=${'A'.repeat(20)}`]) {
      expect(ask(query), query).toBeNull();
    }
    const good = 'a'.repeat(32);
    expect(ask(`?bt_challenge=${good}&bt_challenge=${good}`)).toBeNull();
    expect(ask(`?bt_challenge=${good}0`)).toBeNull();
    expect(ask(`?bt_challenge=${good}`, [])).toBeNull();
    const elsewhere = { ...request(''), url: 'no url' };
    expect(braintree.challenge?.(elsewhere, samples.context([FIRST], NOW))).toBeNull();
  });

  it('gives nobody a signature to send back: 20 to 32 hex digits are base64, too', () => {
    const asked = 'abcdef0123456789abcd';
    const answered = ask(`?bt_challenge=${asked}`)?.body ?? '';
    expect(answered).toBe(`${PUBLIC}|${digest({ privateKey: PRIVATE }, asked)}`);
    expect(verify(signedAs(answered, asked))).toMatchObject({ kind: 'rejected' });
    expect(verify(signedAs(answered, `${asked}\n`))).toMatchObject({ kind: 'rejected' });
  });
});

describe('identify', () => {
  const identify = (bytes: Buffer) => braintree.identify(request(bytes), {});
  const only = (bytes: Buffer) => {
    const found = identify(bytes);
    if (found.kind !== 'events' || found.events[0] === undefined) throw new Error(JSON.stringify(found));
    return found.events[0];
  };

  it('puts an id together from kind, time, object and status', () => {
    expect(only(body)).toMatchObject({
      id: 'transaction_settled:2026-01-01T00:00:00Z:transaction:madetx01:settled',
      type: 'transaction_settled',
      account: null,
      live: null,
      occurredAt: NOW,
      idSigned: true,
    });
    const ids = ['open', 'won', 'lost'].map(
      (status) => only(notification('dispute_opened', 'dispute', { id: 'd1', status })).id,
    );
    expect(new Set(ids).size).toBe(3);
  });

  it('tells notifications without an object of their own apart by what they say', () => {
    const report = (url: string) =>
      only(notification('account_updater_daily_report', 'account-updater-daily-report', { 'report-url': url })).id;
    expect(report('a')).toBe(report('a'));
    expect(report('a')).not.toBe(report('b'));
  });

  it('names the merchant where it is another than ours', () => {
    const change = { 'source-merchant-id': 'made_partner' };
    expect(only(notification('check', 'check', 'true', change)).account).toBe('made_partner');
  });

  it('does not read what is no notification', () => {
    for (const text of [
      '<notification/>',
      '<notification></notification>',
      '<notification><kind/></notification>',
      '<other><kind>check</kind></other>',
      '<notification><kind>check</kind>',
      '<notification><kind>check</kind></notification><more/>',
      '<notification><kind>&made;</kind></notification>',
      '\u0000',
    ]) {
      expect(identify(signForm(Buffer.from(text), FIRST)).kind, text).toBe('unreadable');
    }
    expect(identify(signForm(Buffer.from([0x3c, 0xff, 0xfe]), FIRST)).kind).toBe('unreadable');
    expect(identify(signPayload('====', FIRST)).kind).toBe('unreadable');
  });

  it('stops at the first sign of a bomb', () => {
    const laughs = Array.from({ length: 10 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('');
    const bomb = `<!DOCTYPE n [<!ENTITY l0 "ha">${laughs}]><notification><kind>&l10;</kind></notification>`;
    expect(identify(signForm(Buffer.from(bomb), FIRST))).toMatchObject({
      kind: 'unreadable',
      detail: expect.stringContaining('DOCTYPE'),
    });
    const outside = '<!DOCTYPE n SYSTEM "file:///etc/passwd"><notification><kind>check</kind></notification>';
    expect(identify(signForm(Buffer.from(outside), FIRST)).kind).toBe('unreadable');
    const deep = `${'<a>'.repeat(100_000)}`;
    expect(identify(signForm(Buffer.from(`<notification>${deep}`), FIRST))).toMatchObject({
      detail: expect.stringContaining('deeper'),
    });
    const wide = `<notification><kind>check</kind>${'<a/>'.repeat(100_001)}</notification>`;
    expect(identify(signForm(Buffer.from(wide), FIRST))).toMatchObject({ detail: expect.stringContaining('elements') });
  });

  it('makes no prototype of a name', () => {
    const text = notificationXml('check', 'check', 'true', { __proto__x: 'x' }).replaceAll('__proto__x', '__proto__');
    expect(only(signForm(Buffer.from(text), FIRST)).type).toBe('check');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

it('takes no junk for signed, and never throws', () => {
  const random = createRandom(20_261_122);
  const alphabet = [...'bt_signaturepayload=&|%0A%2B+/=\n\u0000<>éabc019'];
  for (let n = 0; n < 3_000; n += 1) {
    const length = random.below(200);
    const junk = Array.from({ length }, () => random.pick(alphabet)).join('');
    const bytes = Buffer.from(
      random.pick([
        junk,
        `bt_signature=${junk}&bt_payload=${junk}`,
        `${body.subarray(0, random.below(body.length))}${junk}`,
      ]),
    );
    // Blanks and fields of others beside the two are not covered, and change nothing.
    const same = new URLSearchParams(bytes.toString('latin1'));
    const { signature, payload } = fields();
    if (same.get('bt_signature') === signature && same.get('bt_payload')?.trimEnd() === payload.trimEnd()) continue;
    expect(verify(bytes).kind, JSON.stringify(bytes.toString())).toBe('rejected');
    expect(['events', 'unreadable']).toContain(braintree.identify(request(bytes), {}).kind);
  }
});

it('refuses settings that cannot ask Braintree', () => {
  expect(braintree.checkSettings({ merchant_id: 'made_merchant', api_key: FIRST })).toEqual([]);
  for (const settings of [
    { api_key: FIRST },
    { merchant_id: 'made_merchant', api_key: 'x' },
    { merchant_id: '../x' },
    { tolerance_s: 300 },
  ]) {
    expect(braintree.checkSettings(settings)).not.toEqual([]);
  }
  for (const secret of ['x', 'publickey', ':', 'publickey:', `${FIRST}:more`]) {
    expect(braintree.checkSecret(secret)).not.toBeNull();
  }
});
