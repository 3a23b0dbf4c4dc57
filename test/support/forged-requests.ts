import { expect } from 'vitest';
import { PosternError } from '../../src/errors.ts';
import type { WebhookRequest } from '../../src/providers/provider.ts';
import type { ProviderSamples } from './provider-samples.ts';
import { createRandom, type Random } from './random.ts';

const SEED = 20_261_121;
const ROUNDS = 1_500;
const PIECES = [
  '',
  '=',
  ';',
  ',',
  ':',
  '"',
  '\\',
  '(',
  ')',
  'v1',
  't=',
  'ts=1',
  'h1=',
  '0'.repeat(64),
  'AAAA',
  '\u0000',
];

function junk(random: Random, lengthMax: number): string {
  let text = '';
  for (let n = random.below(lengthMax); n > 0; n -= 1) {
    text += random.below(4) === 0 ? random.pick(PIECES) : String.fromCharCode(random.below(256));
  }
  return text;
}

/**
 * Requests nobody signed (junk in the headers, or another body behind a genuine signature) against one adapter: none of
 * its functions throws anything but a coded error, and none of the requests is found authentic.
 */
export function expectNoForgery(samples: ProviderSamples, signatureHeaders = samples.provider.signatureHeader): void {
  const { provider, now, settings } = samples;
  const random = createRandom(SEED);
  const context = samples.context(samples.secrets, now);
  for (let n = 0; n < ROUNDS; n += 1) {
    const genuine = samples.sign(samples.money(1 + random.below(5)), samples.secrets[0], now);
    const names = signatureHeaders ?? [];
    const forged: WebhookRequest =
      random.below(2) === 0
        ? { ...genuine, body: mutated(genuine.body, random) }
        : {
            ...genuine,
            headers: genuine.headers.map(([name, value]) => [
              name,
              names.includes(name)
                ? random.pick([junk(random, 90), value.slice(0, random.below(value.length)), `${value}0`])
                : value,
            ]),
          };
    const about = `seed ${SEED}, round ${n}`;
    expect(provider.verify(forged, context).kind, about).toBe('rejected');
    const found = provider.identify(forged, settings);
    if (found.kind !== 'events') continue;
    for (const { item, id, type, account } of found.events) {
      try {
        provider.normalise(
          {
            item,
            id,
            type,
            account: account ?? 'main',
            headers: forged.headers,
            body: forged.body,
            receivedAt: now,
            level: 'body',
            fetched: null,
          },
          settings,
        );
      } catch (error) {
        expect(error, about).toBeInstanceOf(PosternError);
      }
    }
  }
}

function mutated(body: Buffer, random: Random): Buffer {
  if (random.below(5) === 0) return Buffer.from(junk(random, 200), 'latin1');
  const copy = Buffer.from(body);
  for (let changes = 1 + random.below(4); changes > 0; changes -= 1) {
    const at = random.below(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 + random.below(255));
  }
  return copy.equals(body) ? Buffer.concat([body, Buffer.from('x')]) : copy;
}
