import { describe, expect, it } from 'vitest';
import { adyen } from '../../../src/providers/adyen/index.ts';
import { sign, signItems, signPlatform } from '../../../src/providers/adyen/sign.ts';
import type { EndpointSettings, IdentifiedEvent, Verdict, WebhookRequest } from '../../../src/providers/provider.ts';
import { hmacSha256 } from '../../../src/providers/signature.ts';
import { adyenBody, adyenItem, samples } from './samples.ts';

const [KEY, OTHER] = samples.secrets;
const NOW = samples.now;

function request(body: Buffer, headers: WebhookRequest['headers'] = []): WebhookRequest {
  return { method: 'POST', url: 'https://gateway.example/webhooks/adyen', headers, body };
}

function verify(one: WebhookRequest, settings: EndpointSettings = {}, keys: readonly string[] = [KEY]): Verdict {
  return adyen.verify(one, { ...samples.context(keys, NOW), settings });
}

function events(body: Buffer): readonly IdentifiedEvent[] {
  const found = adyen.identify(request(body), {});
  if (found.kind !== 'events') throw new Error(`no events: ${JSON.stringify(found)}`);
  return found.events;
}

describe('items', () => {
  it('are refused together, with a verdict each, when one does not verify', () => {
    const signed = JSON.parse(signItems(adyenBody(adyenItem(), adyenItem({ pspReference: 'B' })), KEY).toString());
    signed.notificationItems[1].NotificationRequestItem.amount.value = 1;
    expect(verify(request(Buffer.from(JSON.stringify(signed))))).toMatchObject({
      kind: 'rejected',
      reason: 'signature_mismatch',
      items: [true, false],
    });
  });

  it('are refused together when one has no signature', () => {
    const signed = JSON.parse(signItems(adyenBody(adyenItem(), adyenItem()), KEY).toString());
    delete signed.notificationItems[0].NotificationRequestItem.additionalData;
    expect(verify(request(Buffer.from(JSON.stringify(signed))))).toMatchObject({
      reason: 'signature_missing',
      items: [false, true],
    });
  });

  it.each([
    ['a reference moved into the next field', { pspReference: 'P:ORIG', originalReference: '' }],
    ['an account that takes the reference along', { merchantAccountCode: 'Made:order' }],
    ['an amount that takes the reference along', { amount: { value: '1001:12345', currency: 'EUR' } }],
  ])('are refused when a colon blurs the borders: %s', (_name, change) => {
    const item = adyenItem({ ...change, additionalData: {} });
    const field = (name: string): string => String(item[name] ?? '');
    const amount = item.amount as { value: unknown; currency: string };
    const text = [
      field('pspReference'),
      field('originalReference'),
      field('merchantAccountCode'),
      field('merchantReference'),
      String(amount.value),
      amount.currency,
      field('eventCode'),
      field('success'),
    ].join(':');
    item.additionalData = { hmacSignature: hmacSha256(Buffer.from(KEY, 'hex'), text).toString('base64') };
    expect(verify(request(adyenBody(item)))).toMatchObject({ kind: 'rejected', reason: 'signature_malformed' });
  });

  it('are authentic with a colon or a backslash in the merchant reference', () => {
    const body = signItems(adyenBody(adyenItem({ merchantReference: ':a\\b:1000:EUR' })), KEY);
    expect(verify(request(body)).kind).toBe('authentic');
  });

  it('sign the number as it is written, and never another writing of it', () => {
    const body = signItems(adyenBody(adyenItem({ amount: { currency: 'EUR', value: 1000 } })), KEY).toString();
    expect(verify(request(Buffer.from(body.replace('"value":1000', '"value":"1000"')))).kind).toBe('authentic');
    for (const written of ['1e3', '1000.0', '"01000"']) {
      expect(verify(request(Buffer.from(body.replace('"value":1000', `"value":${written}`)))).kind).toBe('rejected');
    }
  });

  it('may be 100 and no more, and must be items', () => {
    const many = (n: number) => signItems(adyenBody(...Array.from({ length: n }, () => adyenItem())), KEY);
    expect(verify(request(many(100))).kind).toBe('authentic');
    const tooMany = JSON.parse(many(100).toString());
    tooMany.notificationItems.push(tooMany.notificationItems[0]);
    expect(verify(request(Buffer.from(JSON.stringify(tooMany))))).toMatchObject({ reason: 'unreadable' });
    for (const items of ['[]', '{}', '[1]', '[{}]', '[{"NotificationRequestItem":[]}]', '"x"']) {
      expect(verify(request(Buffer.from(`{"notificationItems":${items}}`))).kind).toBe('rejected');
    }
  });

  it('are refused without looking when the body is over 1 MiB', () => {
    const body = signItems(adyenBody(adyenItem()), KEY);
    const padded = Buffer.concat([body, Buffer.alloc(1024 * 1024, ' ')]);
    expect(verify(request(padded))).toMatchObject({ kind: 'rejected', reason: 'unreadable' });
  });

  it('are refused with a key that is no hex: it would be an empty one', () => {
    const item = adyenItem({ additionalData: {} });
    const body = signItems(adyenBody(item), '');
    expect(verify(request(body), {}, ['zz'.repeat(32)])).toMatchObject({ reason: 'no_secret' });
  });

  it('come as form fields too', () => {
    const signed = JSON.parse(signItems(adyenBody(adyenItem({ additionalData: {} })), KEY).toString());
    const { additionalData, amount, operations, ...plain } = signed.notificationItems[0].NotificationRequestItem;
    const fields = {
      ...plain,
      ...amount,
      live: 'false',
      operations: operations.join(','),
      'additionalData.hmacSignature': additionalData.hmacSignature,
    };
    const body = Buffer.from(new URLSearchParams(fields).toString());
    expect(verify(request(body)).kind).toBe('authentic');
    expect(events(body)).toMatchObject([{ type: 'AUTHORISATION', live: false, account: 'MadeMerchant' }]);
    const twice = Buffer.concat([body, Buffer.from('&value=1')]);
    expect(verify(request(twice))).toMatchObject({ kind: 'rejected', reason: 'unreadable' });
  });
});

describe('basic auth', () => {
  const settings = { basic_auth: { user: 'adyen', password: 'made-pass' } };
  const body = signItems(adyenBody(adyenItem()), KEY);
  const withAuth = (value: string) => request(body, [['authorization', value]]);
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

  it('stands beside the signature and never replaces it', () => {
    expect(verify(request(body, sign({ body, url: '' }, KEY, NOW, settings)), settings).kind).toBe('authentic');
    const unsigned = request(adyenBody(adyenItem()), [['authorization', basic('adyen:made-pass')]]);
    expect(verify(unsigned, settings)).toMatchObject({ reason: 'signature_missing' });
  });

  it('refuses a missing, a wrong, a repeated and an unreadable one', () => {
    expect(verify(request(body), settings)).toMatchObject({ reason: 'signature_missing' });
    for (const value of [
      basic('adyen:other'),
      basic('adyen'),
      basic(':made-pass'),
      'Bearer x',
      'Basic ',
      'Basic ***',
    ]) {
      expect(verify(withAuth(value), settings).kind, value).toBe('rejected');
    }
    const good: [string, string] = ['authorization', basic('adyen:made-pass')];
    expect(verify(request(body, [good, good]), settings).kind).toBe('rejected');
  });

  it('is refused as a setting when it protects nothing', () => {
    for (const auth of [null, 'x', {}, { user: 'a' }, { user: 'a', password: '' }, { user: 'a:b', password: 'x' }]) {
      expect(adyen.checkSettings({ basic_auth: auth })).not.toEqual([]);
    }
  });
});

describe('platform webhooks', () => {
  const body = Buffer.from(
    JSON.stringify({
      data: { id: 'TRMADE1', sequenceNumber: 3, amount: { currency: 'EUR', value: 1 } },
      environment: 'test',
      timestamp: '2026-01-01T00:00:00+01:00',
      type: 'balancePlatform.transfer.updated',
    }),
  );

  it('sign their raw body in a header', () => {
    const signed = request(body, signPlatform(body, KEY));
    expect(verify(signed).kind).toBe('authentic');
    expect(verify({ ...signed, body: Buffer.concat([body, Buffer.from(' ')]) }).kind).toBe('rejected');
    expect(verify(signed, {}, [OTHER]).kind).toBe('rejected');
    expect(verify(request(body))).toMatchObject({ reason: 'signature_missing' });
    expect(verify(request(body, [...signed.headers, ['hmacsignature', 'x']])).kind).toBe('rejected');
  });

  it('are named by type, object and sequence, and by their content where there is no sequence', () => {
    const name = 'balancePlatform.transfer.updated:TRMADE1';
    expect(events(body)).toMatchObject([{ id: `${name}:3`, idSigned: true, live: false }]);
    const without = Buffer.from(body.toString().replace('"sequenceNumber":3,', ''));
    expect(events(without)).toMatchObject([{ id: name, idSigned: false }]);
    expect(adyen.identify(request(Buffer.from('{"type":"x","data":{}}')), {}).kind).toBe('unreadable');
  });

  it('do not lend their header to a standard notification', () => {
    const items = signItems(adyenBody(adyenItem()), KEY);
    expect(verify(request(items, signPlatform(body, KEY))).kind).toBe('rejected');
  });
});

describe('identify', () => {
  it('tells a failure and a later success of one reference apart', () => {
    const [failed, succeeded] = events(
      adyenBody(adyenItem({ success: 'false' }), adyenItem({ originalReference: 'O' })),
    );
    expect(failed?.id).toBe('MadeMerchant:AUTHORISATION:MADEPSP000000001:false');
    expect(succeeded).toMatchObject({ item: 1, id: 'MadeMerchant:AUTHORISATION:MADEPSP000000001:true:O' });
  });

  it('takes nothing unsigned for content', () => {
    const [one] = events(adyenBody(adyenItem()));
    const [other] = events(
      adyenBody(adyenItem({ eventDate: '2026-02-01T00:00:00+01:00', additionalData: { x: '1' } })),
    );
    const [changed] = events(adyenBody(adyenItem({ merchantReference: 'order-1002' })));
    expect(other?.fingerprint()).toEqual(one?.fingerprint());
    expect(changed?.fingerprint()).not.toEqual(one?.fingerprint());
  });

  it('reads no event without code, reference or account', () => {
    for (const field of ['eventCode', 'pspReference', 'merchantAccountCode']) {
      expect(adyen.identify(request(adyenBody(adyenItem({ [field]: '' }))), {}).kind).toBe('unreadable');
      expect(adyen.identify(request(adyenBody(adyenItem({ [field]: ['x'] }))), {}).kind).toBe('unreadable');
    }
  });
});

describe('acknowledge', () => {
  it('answers [accepted], and 401 for what cannot be read: the signature is inside', () => {
    expect(adyen.acknowledge({ kind: 'accepted' })).toMatchObject({ status: 200, body: '[accepted]' });
    expect(adyen.acknowledge({ kind: 'rejected', reason: 'unreadable', detail: '' }).status).toBe(401);
  });
});
