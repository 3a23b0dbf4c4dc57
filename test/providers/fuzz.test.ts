import { describe, expect, it } from 'vitest';
import { PosternError } from '../../src/errors.ts';
import { providers } from '../../src/providers/index.ts';
import type { WebhookRequest } from '../../src/providers/provider.ts';
import type { ProviderSamples } from '../support/provider-samples.ts';
import { createRandom, type Random } from '../support/random.ts';

/*
 * Bytes nobody signed, against every adapter there is, from a printed seed: no exception escapes, nothing is authentic, and
 * no input makes an adapter think for long. Anybody can POST to us.
 */
const SEED = 20_261_121;
const ROUNDS = 600;
const MIB = 1024 * 1024;
/** What Node lets one header be. */
const HEADER_CHARS = 15 * 1024;
/** Far above what any of them takes on a busy machine; a parser that backtracks or nests takes minutes. */
const THINKING_MS_MAX = 3_000;

const all: readonly ProviderSamples[] = await Promise.all(
  [...providers.keys()].map(async (name) => {
    const { samples } = (await import(`./${name}/samples.ts`)) as { samples: ProviderSamples };
    return samples;
  }),
);

const HOSTILE: readonly (readonly [name: string, unit: string])[] = [
  ['opening brackets', '['],
  ['nested names', '{"a":'],
  ['backslashes', '\\'],
  ['quotes', '"'],
  ['opened elements', '<a>'],
  ['form fields', 'a=b&'],
  ['escapes of nothing', '%'],
  ['base64', 'A'],
  ['digits', '9'],
  ['spaces', ' '],
  ['commas', ','],
  ['equals signs', '='],
  ['dots', '.'],
  ['parentheses', '('],
  ['signatures', 't=1,v1=00,'],
  ['labels', 'sig1=:AA==:, '],
  ['zero bytes', '\u0000'],
];

describe.each(all.map((one) => [one.provider.name, one] as const))('%s', (_name, samples) => {
  const { provider, now, settings } = samples;
  const context = samples.context(samples.secrets, now);
  const signatureHeaders = provider.signatureHeader ?? [];
  const genuine = (n: number): WebhookRequest => samples.sign(samples.money(n), samples.secrets[0], now);

  /** Everything an adapter does with a request that came through, whether or not it did. */
  function readAll(request: WebhookRequest): void {
    const found = provider.identify(request, settings);
    for (const event of found.kind === 'events' ? found.events : []) {
      event.fingerprint();
      for (const fetched of [null, request.body]) {
        const { item, id, type, account } = event;
        const received = { item, id, type, account: account ?? 'main', headers: request.headers, receivedAt: now };
        try {
          provider.normalise({ ...received, body: request.body, level: 'body', fetched }, settings);
        } catch (error) {
          expect(error).toBeInstanceOf(PosternError);
        }
      }
    }
  }

  it(`finds nothing authentic that was not signed, and throws nothing (seed ${SEED})`, () => {
    const random = createRandom(SEED);
    for (let round = 0; round < ROUNDS; round += 1) {
      const request = genuine(1 + random.below(3));
      const covered = samples.coveredBytes?.(request);
      const byHeader = signatureHeaders.length > 0 && ((samples.level ?? 'body') !== 'body' || random.below(2) === 0);
      if (!byHeader && (samples.level ?? 'body') !== 'body') return;
      const forged = byHeader
        ? withHeaders(request, random)
        : { ...request, body: changed(request.body, random, covered) };
      // Other bytes may say the same (%7C and %7c in a form): only what says something else is a forgery.
      if (provider.verify(forged, context).kind === 'authentic')
        expect(contentOf(forged), `round ${round}`).toEqual(contentOf(request));
      readAll(forged);
    }
  });

  it('takes a hostile megabyte, and a hostile header, without long thought', () => {
    for (const [name, unit] of HOSTILE) {
      const body = Buffer.from(unit.repeat(MIB / unit.length));
      const value = unit.repeat(HEADER_CHARS / unit.length);
      const request = genuine(1);
      const headers = request.headers.map(([header, was]): [string, string] => [
        header,
        signatureHeaders.includes(header) ? value : was,
      ]);
      const began = performance.now();
      const byHeader =
        signatureHeaders.length === 0
          ? []
          : [
              { ...request, headers },
              { ...request, headers, body },
            ];
      for (const hostile of [{ ...request, body }, ...byHeader]) {
        expect(['rejected', 'needs', ...((samples.level ?? 'body') === 'body' ? [] : ['authentic'])]).toContain(
          provider.verify(hostile, context).kind,
        );
        readAll(hostile);
      }
      expect(performance.now() - began, name).toBeLessThan(THINKING_MS_MAX);
    }
  });

  function contentOf(request: WebhookRequest): unknown {
    const found = provider.identify(request, settings);
    return found.kind === 'events' ? found.events.map((event) => [event.id, event.type, event.fingerprint()]) : found;
  }

  function withHeaders(request: WebhookRequest, random: Random): WebhookRequest {
    return {
      ...request,
      headers: request.headers.map(([name, value]): [string, string] => [
        name,
        signatureHeaders.includes(name) ? spoilt(value, random) : value,
      ]),
    };
  }
});

/** Another value, whatever its form: shortened, changed in the middle, or made of nothing. */
function spoilt(value: string, random: Random): string {
  switch (random.below(4)) {
    case 0:
      return value.slice(0, random.below(value.length));
    case 1:
      return value.replaceAll(/[0-9a-zA-Z]/g, (c) => (random.below(3) === 0 ? other(c) : c)).replace(/^./, other);
    case 2:
      return Array.from({ length: random.below(120) }, () => String.fromCharCode(random.below(256))).join('');
    default:
      return '';
  }
}

const other = (c: string): string => (c === '7' ? '3' : '7');

function changed(body: Buffer, random: Random, covered: readonly number[] | undefined): Buffer {
  const copy = Buffer.from(body);
  for (let changes = 1 + random.below(4); changes > 0; changes -= 1) {
    const at = covered === undefined ? random.below(copy.length) : covered[random.below(covered.length)];
    if (at !== undefined) copy[at] = (copy[at] ?? 0) ^ (1 << random.below(7));
  }
  // Two changes may undo each other.
  if (!copy.equals(body)) return copy;
  const first = covered?.[0] ?? 0;
  copy[first] = (copy[first] ?? 0) ^ 1;
  return copy;
}
