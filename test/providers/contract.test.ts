import { describe, expect, it } from 'vitest';
import { PosternError } from '../../src/errors.ts';
import { providers } from '../../src/providers/index.ts';
import type { AuthenticityLevel, IdentifiedEvent, Verdict, WebhookRequest } from '../../src/providers/provider.ts';
import type { ProviderSamples } from '../support/provider-samples.ts';

/** Found by the registry's names: an adapter brings its samples in its own folder. */
const all: readonly ProviderSamples[] = await Promise.all(
  [...providers.keys()].map(async (name) => {
    const { samples } = (await import(`./${name}/samples.ts`)) as { samples: ProviderSamples };
    return samples;
  }),
);
const JUNK = [
  'not json',
  '[]',
  'null',
  '"text"',
  '42',
  '{}',
  '{"id":',
  '\u0000',
  `${'['.repeat(5000)}`,
  '{"__proto__":{"id":"x"}}',
];

it('every registered provider takes the suite', () => {
  expect(all.map((one) => one.provider)).toEqual([...providers.values()]);
});

describe.each(all.map((one) => [one.provider.name, one] as const))('the contract: %s', (_name, one) => {
  const { provider, now } = one;
  const level: AuthenticityLevel = one.level ?? 'body';
  const [first, second] = one.secrets;
  const signed = (body: Buffer, secret = first, when = now): WebhookRequest => one.sign(body, secret, when);
  const verify = (request: WebhookRequest, secrets: readonly string[] = [first], when = now): Verdict =>
    provider.verify(request, one.context(secrets, when));
  const only = (body: Buffer): IdentifiedEvent => {
    const found = provider.identify(signed(body), one.settings);
    const event = found.kind === 'events' ? found.events[0] : undefined;
    if (event === undefined) throw new Error(`no event in ${body.toString().slice(0, 200)}`);
    return event;
  };
  const normalise = (body: Buffer): ReturnType<typeof provider.normalise> => {
    const { item, id, type, account } = only(body);
    const { headers } = signed(body);
    const fetched = one.fetched?.(body) ?? null;
    return provider.normalise(
      { item, id, type, account: account ?? 'main', headers, body, receivedAt: now, level, fetched },
      one.settings,
    );
  };

  it('takes its own settings and secrets, and says what is wrong with others', () => {
    expect(provider.checkSettings(one.settings)).toEqual([]);
    expect(provider.checkSettings({ ...one.settings, no_such_setting: 1 })).not.toEqual([]);
    expect(one.secrets.map((secret) => provider.checkSecret(secret))).toEqual([null, null]);
    expect(provider.checkSecret('')).not.toBeNull();
  });

  it('finds a signed request authentic', () => {
    const verdict = verify(signed(one.money(1)));
    expect(verdict).toMatchObject({ kind: 'authentic', level });
    if (one.namesSecret) expect(verdict).toMatchObject({ secretId: 's0' });
  });

  it('refuses a body with one changed byte, wherever it is', () => {
    if (level !== 'body') return;
    const request = signed(one.money(1));
    const positions = one.coveredBytes?.(request) ?? [...request.body.keys()];
    expect(positions.length).toBeGreaterThan(5);
    for (const at of positions) {
      const body = Buffer.from(request.body);
      body[at] = (body[at] ?? 0) ^ 0x01;
      expect(verify({ ...request, body }).kind, `byte ${at}`).toBe('rejected');
    }
  });

  it('refuses bytes that were added or cut off', () => {
    if (one.coveredBytes !== undefined || level !== 'body') return;
    const request = signed(one.money(1));
    for (const body of [Buffer.concat([request.body, Buffer.from('\n')]), request.body.subarray(0, -1)]) {
      expect(verify({ ...request, body }).kind).toBe('rejected');
    }
  });

  it('refuses another secret, and no secret', () => {
    expect(verify(signed(one.money(1)), [second])).toMatchObject({ kind: 'rejected' });
    expect(verify(signed(one.money(1)), [])).toMatchObject({ kind: 'rejected', reason: 'no_secret' });
    if (one.namesSecret)
      expect(verify(signed(one.money(1)), [''])).toMatchObject({ kind: 'rejected', reason: 'no_secret' });
  });

  it('takes either secret while one is being rolled', () => {
    if (!one.namesSecret) return;
    expect(verify(signed(one.money(1), first), [first, second])).toMatchObject({ kind: 'authentic', secretId: 's0' });
    expect(verify(signed(one.money(1), second), [first, second])).toMatchObject({ kind: 'authentic', secretId: 's1' });
  });

  it('refuses a time outside its window on both sides, where the scheme signs one', () => {
    const request = signed(one.money(1));
    if (one.staleAfterMs === null) {
      expect(verify(request, [first], now + 86_400_000).kind).toBe('authentic');
      return;
    }
    for (const side of [1, -1]) {
      expect(verify(request, [first], now + side * one.staleAfterMs).kind).toBe('authentic');
      expect(verify(request, [first], now + side * (one.staleAfterMs + 1000))).toMatchObject({
        kind: 'rejected',
        reason: 'stale',
      });
    }
  });

  it('refuses a missing, an empty, a shortened and a repeated signature header', () => {
    const names = provider.signatureHeader;
    if (names === null) return;
    const request = signed(one.money(1));
    const isSignature = ([name]: readonly [string, string]): boolean => names.includes(name);
    const others = request.headers.filter((header) => !isSignature(header));
    const [signature] = request.headers.filter(isSignature);
    if (signature === undefined) throw new Error('the samples carry no signature header');
    const [name, value] = signature;
    const withValues = (...values: string[]): WebhookRequest => ({
      ...request,
      headers: [...others, ...values.map((one) => [name, one] as const)],
    });
    expect(verify(withValues())).toMatchObject({ kind: 'rejected', reason: 'signature_missing' });
    for (const values of [
      [''],
      [value.slice(0, -3)],
      [value.slice(0, 4)],
      ['\u0000\u00ff'],
      [value, value],
      ['x', value],
    ]) {
      expect(verify(withValues(...values)), values.join(' | ')).toMatchObject({ kind: 'rejected' });
    }
  });

  it('finds no event in an empty body, though it is signed', () => {
    const request = signed(Buffer.alloc(0));
    if (verify(request).kind !== 'rejected') expect(provider.identify(request, one.settings).kind).toBe('unreadable');
  });

  it('never throws for junk: refused, or authentic and unreadable', () => {
    for (const text of JUNK) {
      const request = signed(Buffer.from(text));
      const verdict = verify(request);
      expect(['authentic', 'rejected']).toContain(verdict.kind);
      const found = provider.identify(request, one.settings);
      if (found.kind !== 'events') expect(found.kind).toBe('unreadable');
    }
    expect(
      provider.identify(
        { method: 'POST', url: 'https://x.example/', headers: [], body: Buffer.from([0xff, 0xfe]) },
        one.settings,
      ).kind,
    ).toBe('unreadable');
  });

  it('reads the same id from a copy, and another from another event', () => {
    expect(only(one.money(1)).id).toBe(only(one.money(1)).id);
    expect(only(one.money(1)).id).not.toBe(only(one.money(2)).id);
    expect(only(one.money(1)).idSigned).toBe(one.idSigned);
  });

  it('knows a retry in other bytes for the same content, and other content under the same id for another', () => {
    const [event, retried, altered] = [only(one.money(1)), only(one.retried(1)), only(one.altered(1))];
    expect(one.retried(1).equals(one.money(1))).toBe(false);
    expect(retried.id).toBe(event.id);
    expect(retried.fingerprint()).toEqual(event.fingerprint());
    expect(altered.id).toBe(event.id);
    expect(altered.fingerprint()).not.toEqual(event.fingerprint());
  });

  it('posts the same effects for the same event however often it is read', () => {
    const meaning = normalise(one.money(1));
    expect(meaning.kind).toBe('effects');
    expect(meaning.references.length).toBeGreaterThan(0);
    expect(normalise(one.retried(1))).toEqual(meaning);
    expect(normalise(one.money(1))).toEqual(meaning);
  });

  it('posts nothing of what must be fetched first', () => {
    if (level === 'body' && one.fetched === undefined) return;
    const { item, id, type, account } = only(one.money(1));
    const event = {
      item,
      id,
      type,
      account: account ?? 'main',
      headers: [],
      body: one.money(1),
      receivedAt: now,
      level,
    };
    expect(provider.normalise({ ...event, fetched: null }, one.settings).kind).toBe('fetch');
    expect(provider.api?.hosts.length).toBeGreaterThan(0);
  });

  it('parks a type nobody knows', () => {
    expect(verify(signed(one.unknownType())).kind).toBe('authentic');
    expect(normalise(one.unknownType())).toMatchObject({ kind: 'deferred', waitingFor: 'adapter', until: null });
  });

  it('normalises junk to a coded error or a state, never to a crash', () => {
    for (const text of JUNK) {
      const event = {
        item: 0,
        id: 'x',
        type: 'x',
        account: 'main',
        headers: [],
        body: Buffer.from(text),
        receivedAt: now,
        level,
        fetched: null,
      };
      try {
        expect(provider.normalise(event, one.settings).kind).not.toBe('effects');
      } catch (error) {
        expect(error, text).toBeInstanceOf(PosternError);
      }
    }
  });

  it('acknowledges with 2xx and refuses without', () => {
    expect(provider.acknowledge({ kind: 'accepted' }).status).toBe(200);
    for (const reason of ['signature_missing', 'signature_mismatch', 'stale', 'unreadable', 'no_secret'] as const) {
      expect(provider.acknowledge({ kind: 'rejected', reason, detail: '' }).status).toBeGreaterThanOrEqual(400);
    }
  });
});
