import { describe, expect, it } from 'vitest';
import { mollie } from '../../../src/providers/mollie/index.ts';
import { sign } from '../../../src/providers/mollie/sign.ts';
import type { EndpointSettings, IdentifiedEvent, Verdict, WebhookRequest } from '../../../src/providers/provider.ts';
import { hmacSha256 } from '../../../src/providers/signature.ts';
import { createRandom } from '../../support/random.ts';
import { NOW, samples, URL } from './samples.ts';

const [SECRET] = samples.secrets;
const body = samples.money(1);
const signed = samples.sign(body, SECRET, NOW);
const MAC = hmacSha256(SECRET, body).toString('hex');

const verify = (
  request: WebhookRequest,
  secrets: readonly string[] = [SECRET],
  settings: EndpointSettings = {},
): Verdict => mollie.verify(request, { ...samples.context(secrets, NOW), settings });
const withSignature = (...values: string[]): WebhookRequest => ({
  ...signed,
  headers: values.map((value) => ['x-mollie-signature', value] as const),
});
const call = (text: string, receivedAt = NOW): WebhookRequest => {
  const form = Buffer.from(text);
  return { method: 'POST', url: URL, headers: sign({ body: form }, ''), body: form, receivedAt };
};
const hinted = (text: string, receivedAt: number): IdentifiedEvent => {
  const found = mollie.identify(call(text, receivedAt), {});
  const event = found.kind === 'events' ? found.events[0] : undefined;
  if (event === undefined) throw new Error(`no event in ${text}`);
  return event;
};

describe('verify, next-gen', () => {
  it('takes the MAC bare and with its prefix, and nothing else', () => {
    for (const text of [MAC, `sha256=${MAC}`]) expect(verify(withSignature(text)).kind, text).toBe('authentic');
    for (const text of [
      `sha512=${MAC}`,
      `sha256=sha256=${MAC}`,
      `SHA256=${MAC}`,
      MAC.toUpperCase(),
      `${MAC}\n`,
      'sha256=',
    ]) {
      expect(verify(withSignature(text)), text).toMatchObject({ reason: 'signature_malformed' });
    }
    expect(verify(withSignature(MAC, MAC))).toMatchObject({ reason: 'signature_malformed' });
  });

  it('never takes a missing header for a classic call where a secret is set', () => {
    for (const text of ['id=tr_MADE1', body.toString()]) {
      expect(verify({ ...call(text) }), text).toMatchObject({ reason: 'signature_missing' });
    }
  });

  it('still wants a signature when the last secret ran out, where the endpoint says so', () => {
    const settings = { webhooks: 'signed' };
    expect(verify(call('id=tr_MADE1'), [], settings)).toMatchObject({ reason: 'no_secret' });
    expect(verify(signed, [], settings)).toMatchObject({ reason: 'no_secret' });
    expect(verify(signed, [''])).toMatchObject({ reason: 'no_secret' });
    expect(verify(signed, [])).toMatchObject({ reason: 'no_secret' });
  });
});

describe('verify, classic', () => {
  it('takes a form with one id for a hint, and says that it is no more', () => {
    expect(verify(call('id=tr_5B8cwPMGnU'), [])).toEqual({ kind: 'authentic', level: 'hint', secretId: null });
    expect(verify(call('id=tr_5B8cwPMGnU'), [SECRET], { webhooks: 'classic' })).toMatchObject({ level: 'hint' });
  });

  it('keeps out what can be no call of Mollie’s, so that nobody fills the dead letters', () => {
    for (const text of [
      '',
      'id=',
      'id=../../v2/balances',
      'id=tr_1%2F..%2F',
      'id=tr_1&id=tr_2',
      'id=TR_1',
      'tr_1',
      `id=tr_${'a'.repeat(100)}`,
      `x=${'a'.repeat(600)}&id=tr_1`,
      '{"description":"&id=tr_1&"}',
    ]) {
      expect(verify(call(text), []), text).toMatchObject({ kind: 'rejected', reason: 'unreadable' });
    }
  });

  it('never throws, and never takes for signed what is not (seed 10)', () => {
    const random = createRandom(10);
    const alphabet = [...'id=tr_&%0123456789abcdef{}":,\u0000\u00ff'];
    const junk = (length: number): string =>
      Array.from({ length: random.below(length) }, () => random.pick(alphabet)).join('');
    for (let n = 0; n < 3_000; n += 1) {
      const headers = random.below(2) === 0 ? [['x-mollie-signature', `sha256=${junk(80)}`] as const] : [];
      const request = { ...call(`id=tr_${junk(80)}`), headers };
      expect(verify(request).kind).toBe('rejected');
      const verdict = verify(request, []);
      if (verdict.kind === 'authentic') expect(verdict.level).toBe('hint');
      expect(['events', 'unreadable', 'control']).toContain(mollie.identify(request, {}).kind);
    }
  });
});

describe('identify', () => {
  it('reads next-gen events by their id', () => {
    expect(mollie.identify(signed, {})).toMatchObject({
      events: [{ id: 'event_MADE1', idSigned: true, type: 'payment.paid', live: false, occurredAt: NOW }],
    });
    for (const text of ['{"id":"event_1"}', '{"type":"payment.paid"}', '[]']) {
      expect(mollie.identify({ ...signed, body: Buffer.from(text) }, {}).kind, text).toBe('unreadable');
    }
  });

  it('folds classic calls about one object within ten seconds, and no others', () => {
    const first = hinted('id=tr_MADE1', NOW + 1);
    expect(first).toMatchObject({ id: 'tr_MADE1@1767225600', idSigned: false, type: 'hint.tr', live: null });
    expect(hinted('id=tr_MADE1', NOW + 9_999).id).toBe(first.id);
    expect(hinted('id=tr_MADE1', NOW + 10_000).id).not.toBe(first.id);
    expect(hinted('id=tr_MADE2', NOW + 1).id).not.toBe(first.id);
    expect(hinted('id=tr_MADE1', NOW + 5_000).fingerprint()).toEqual(first.fingerprint());
  });

  it('answers Mollie’s own try of the address, and keeps no event of it', () => {
    expect(mollie.identify(call('testByMollie=1'), {})).toMatchObject({ kind: 'control', answer: { status: 200 } });
  });
});

it('answers 200 whatever the id, because it is fetched later', () => {
  expect(mollie.acknowledge({ kind: 'accepted' }).status).toBe(200);
});

it('checks its settings', () => {
  for (const api_key of ['live_abcdefghij', 'test_abcdefghij', 'access_abcdefghij']) {
    expect(mollie.checkSettings({ api_key })).toEqual([]);
  }
  for (const settings of [{ api_key: 'abc' }, { api_key: 1 }, { webhooks: 'both' }, { tolerance_s: 300 }]) {
    expect(mollie.checkSettings(settings), JSON.stringify(settings)).not.toEqual([]);
  }
});
