import { describe, expect, it } from 'vitest';
import type { IdentifiedEvent, Verdict, WebhookRequest } from '../../../src/providers/provider.ts';
import { xendit } from '../../../src/providers/xendit/index.ts';
import { createRandom } from '../../support/random.ts';
import { NOW, samples, xenditEvent, xenditInvoice, xenditPayment } from './samples.ts';

const [TOKEN, OTHER] = samples.secrets;
const signed = samples.sign(samples.money(1), TOKEN, NOW);

const verify = (request: WebhookRequest, secrets: readonly string[] = [TOKEN]): Verdict =>
  xendit.verify(request, samples.context(secrets, NOW));
const withToken = (...values: string[]): WebhookRequest => ({
  ...signed,
  headers: values.map((value) => ['x-callback-token', value] as const),
});
const only = (request: WebhookRequest): IdentifiedEvent => {
  const found = xendit.identify(request, {});
  const event = found.kind === 'events' ? found.events[0] : undefined;
  if (event === undefined) throw new Error('no event');
  return event;
};
const json = (body: object): WebhookRequest => ({ ...signed, headers: [], body: Buffer.from(JSON.stringify(body)) });

describe('verify', () => {
  it('says that the token proves the sender only', () => {
    expect(verify(signed)).toEqual({ kind: 'authentic', level: 'token', secretId: 's0' });
    expect(verify({ ...signed, body: Buffer.from('{}') }).kind).toBe('authentic');
  });

  it('takes the token to the letter, whatever its length', () => {
    for (const text of ['', TOKEN.toUpperCase(), TOKEN.slice(1), `${TOKEN} `, `${TOKEN}\n`, 'x'.repeat(5_000), OTHER]) {
      expect(verify(withToken(text)), text).toMatchObject({ reason: 'signature_mismatch' });
    }
    expect(verify(withToken(OTHER), [TOKEN, '', OTHER])).toMatchObject({ secretId: 's2' });
    expect(verify(withToken(''), [''])).toMatchObject({ reason: 'no_secret' });
    expect(verify(withToken(TOKEN, TOKEN))).toMatchObject({ reason: 'signature_malformed' });
    expect(verify({ ...signed, headers: [] })).toMatchObject({ reason: 'signature_missing' });
  });

  it('never takes another token, whatever it is (seed 22)', () => {
    const random = createRandom(22);
    const alphabet = [...'made-verification-token{}":,0123456789 \u0000\u00ff'];
    const junk = (length: number): string =>
      Array.from({ length: random.below(length) }, () => random.pick(alphabet)).join('');
    for (let n = 0; n < 3_000; n += 1) {
      const headers = Array.from({ length: random.below(3) }, () => ['x-callback-token', junk(40)] as const);
      const request = { ...signed, headers, body: Buffer.from(junk(200)) };
      expect(verify(request).kind).toBe('rejected');
      expect(['events', 'unreadable']).toContain(xendit.identify(request, {}).kind);
    }
  });
});

describe('identify', () => {
  it('reads the id from its header, and lets no body choose the account', () => {
    const headers = [['webhook-id', 'wh_made1']] as const;
    expect(only({ ...json(xenditInvoice()), headers })).toMatchObject({
      id: 'wh_made1',
      idSigned: false,
      type: 'invoice.paid',
      account: null,
      live: null,
    });
  });

  it('makes an id of what happened where a proxy dropped the header', () => {
    expect(only(json(xenditInvoice())).id).toBe('invoice.paid:made0000000000000000inv1:PAID');
    const payment = { ...json({}), body: xenditEvent('payment.capture', xenditPayment()) };
    expect(only(payment).id).toBe('payment.capture:py-made-1:SUCCEEDED');
  });

  it('tells the older callbacks apart by their fields', () => {
    const type = (body: object): string => only(json(body)).type;
    expect(type({ payment_id: 'p', callback_virtual_account_id: 'v', id: 'x', amount: 1 })).toBe(
      'virtual_account.paid',
    );
    expect(type(xenditInvoice({ account_holder_name: 'Made', status: 'COMPLETED' }))).toBe('disbursement.completed');
    for (const body of [{}, { id: 'x' }, { id: 'x', status: 'PAID' }, { status: 'PAID', external_id: 'x' }]) {
      expect(xendit.identify(json(body), {}).kind, JSON.stringify(body)).toBe('unreadable');
    }
  });
});

it('checks its settings and its token', () => {
  for (const settings of [{ api_key: 'sk_1' }, { api_key: 'xnd_development_a:bcdef' }, { tolerance_s: 1 }]) {
    expect(xendit.checkSettings(settings), JSON.stringify(settings)).not.toEqual([]);
  }
  expect(xendit.checkSettings({ api_key: 'xnd_production_ab+/cd==' })).toEqual([]);
  for (const token of ['', 'short', 'with a blank']) expect(xendit.checkSecret(token), token).not.toBeNull();
});
