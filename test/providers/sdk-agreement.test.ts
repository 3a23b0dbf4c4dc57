import { hmacValidator } from '@adyen/api-library';
import { Paddle } from '@paddle/paddle-node-sdk';
import { parse as parseGocardless } from 'gocardless-nodejs/webhooks';
import Razorpay from 'razorpay';
import '@shopify/shopify-api/adapters/node';
import { LogSeverity, shopifyApi } from '@shopify/shopify-api';
import { WebhooksHelper } from 'square';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { WebhookRequest } from '../../src/providers/provider.ts';
import type { ProviderSamples } from '../support/provider-samples.ts';
import { createRandom, type Random } from '../support/random.ts';
import { samples as adyen } from './adyen/samples.ts';
import { samples as gocardless } from './gocardless/samples.ts';
import { samples as paddle } from './paddle/samples.ts';
import { samples as razorpay } from './razorpay/samples.ts';
import { samples as shopify } from './shopify/samples.ts';
import { samples as square } from './square/samples.ts';
import { samples as standardWebhooks } from './standard-webhooks/samples.ts';
import { samples as stripe } from './stripe/samples.ts';

/*
 * The processors' own libraries against our verifiers, on requests that are signed and then changed in one or two ways.
 * Both must say the same, except for what is listed in `onPurpose` below, each with the text we follow instead.
 */
const SEED = 20_261_121;
const REQUESTS = 3_000;

type Change = { readonly name: string; apply(request: WebhookRequest, random: Random): WebhookRequest };

const header = (request: WebhookRequest, name: string): string | undefined =>
  request.headers.find(([one]) => one === name)?.[1];

function withHeader(request: WebhookRequest, name: string, change: (value: string) => string): WebhookRequest {
  return {
    ...request,
    headers: request.headers.map(([one, value]) => [one, one === name ? change(value) : value] as const),
  };
}

function flip(text: string, random: Random): string {
  const at = random.below(Math.max(1, text.length));
  return text.slice(0, at) + random.pick([...'0123456789abcdefABCDEF=,. +/_-']) + text.slice(at + 1);
}

/** Keeps ASCII: what libraries do with other bytes is listed apart. */
const bodyChanges: readonly Change[] = [
  { name: 'nothing', apply: (request) => request },
  {
    name: 'one bit of the body',
    apply: (request, random) => {
      const body = Buffer.from(request.body);
      const at = random.below(body.length);
      body[at] = (body[at] ?? 0) ^ (1 << random.below(5));
      return { ...request, body };
    },
  },
  {
    name: 'a digit of the body',
    apply: (request, random) => ({
      ...request,
      body: Buffer.from(request.body.toString().replace(/\d/g, (digit) => (random.below(12) === 0 ? '7' : digit))),
    }),
  },
  {
    name: 'a longer body',
    apply: (request, random) => ({
      ...request,
      body: Buffer.concat([request.body, Buffer.from(random.pick([' ', '\n', '}', 'x']))]),
    }),
  },
  {
    name: 'a shorter body',
    apply: (request, random) => ({
      ...request,
      body: request.body.subarray(0, request.body.length - 1 - random.below(3)),
    }),
  },
];

function headerChanges(name: string): readonly Change[] {
  return [
    {
      name: `a character of ${name}`,
      apply: (request, random) => withHeader(request, name, (value) => flip(value, random)),
    },
    {
      name: `a shorter ${name}`,
      apply: (request, random) => withHeader(request, name, (value) => value.slice(0, random.below(value.length))),
    },
    {
      name: `a longer ${name}`,
      apply: (request, random) =>
        withHeader(request, name, (value) => value + random.pick(['0', 'a', '=', 'AAAA', '0'.repeat(64)])),
    },
    {
      name: `no ${name}`,
      apply: (request) => ({ ...request, headers: request.headers.filter(([one]) => one !== name) }),
    },
    { name: `an empty ${name}`, apply: (request) => withHeader(request, name, () => '') },
  ];
}

type Oracle = (request: WebhookRequest, secret: string) => boolean | Promise<boolean>;

type Comparison = {
  readonly samples: ProviderSamples;
  readonly changes: readonly Change[];
  readonly oracle: Oracle;
  /** Why ours refuses what the library takes; undefined where it must not. */
  onPurpose(request: WebhookRequest): string | undefined;
  /** Why ours takes what the library refuses; absent where it must not. */
  looser?(request: WebhookRequest): string | undefined;
  /** How long before now the requests are signed, in seconds. */
  readonly ages?: readonly number[];
};

async function compare({
  samples,
  changes,
  oracle,
  onPurpose,
  looser = () => undefined,
  ages = [0, 0, 0, 1, 299, 300, 301, 5000],
}: Comparison): Promise<Map<string, number>> {
  const random = createRandom(SEED);
  const outcomes = new Map<string, number>();
  for (let n = 0; n < REQUESTS; n += 1) {
    const when = samples.now - 1000 * random.pick(ages);
    const secret = samples.secrets[random.below(8) === 0 ? 1 : 0];
    const used = [random.pick(changes), ...(random.below(4) === 0 ? [random.pick(changes)] : [])];
    const request = used.reduce(
      (one, change) => change.apply(one, random),
      samples.sign(samples.money(1 + random.below(50)), secret, when),
    );
    const ours =
      samples.provider.verify(request, samples.context([samples.secrets[0]], samples.now)).kind === 'authentic';
    const theirs = await oracle(request, samples.secrets[0]);
    const about = `seed ${SEED}, request ${n}: ${used.map((change) => change.name).join(' and ')}`;
    const reason = ours === theirs ? undefined : ours ? looser(request) : onPurpose(request);
    if (reason === undefined) expect(ours, about).toBe(theirs);
    const outcome = reason ?? (ours ? 'both take it' : 'both refuse it');
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  expect(outcomes.get('both take it') ?? 0).toBeGreaterThan(50);
  expect(outcomes.get('both refuse it') ?? 0).toBeGreaterThan(500);
  return outcomes;
}

const taken = (check: () => unknown): boolean => {
  try {
    return check() !== false;
  } catch {
    // How these libraries say no.
    return false;
  }
};

describe('our verifiers agree with the processors’ libraries', () => {
  // standardwebhooks reads the clock itself.
  beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'], now: stripe.now }));
  afterAll(() => void vi.useRealTimers());

  it('stripe', async () => {
    const { webhooks } = new Stripe('sk_test_of_no_account');
    const name = 'stripe-signature';
    const list = (value: string): string[] => value.split(',');
    await compare({
      samples: stripe,
      changes: [
        ...bodyChanges,
        ...headerChanges(name),
        {
          name: 'items turned round',
          apply: (request) => withHeader(request, name, (value) => list(value).reverse().join(',')),
        },
        { name: 'a v0', apply: (request) => withHeader(request, name, (value) => `${value},v0=${'0'.repeat(64)}`) },
        { name: 'only v0', apply: (request) => withHeader(request, name, (value) => value.replace('v1=', 'v0=')) },
        {
          name: 'a second v1',
          apply: (request, random) =>
            withHeader(request, name, (value) =>
              list(value)
                .toSpliced(1, 0, `v1=${random.pick(['', 'x', '0'.repeat(64)])}`)
                .join(','),
            ),
        },
        {
          name: 'another time',
          apply: (request, random) =>
            withHeader(request, name, (value) =>
              value.replace(/t=\d+/, () => `t=${Math.floor(stripe.now / 1000) - random.below(400)}`),
            ),
        },
        {
          name: 'a second time',
          apply: (request) => withHeader(request, name, (value) => `${value},${list(value)[0]}`),
        },
        { name: 'a blank', apply: (request) => withHeader(request, name, (value) => value.replace(',', ', ')) },
      ],
      oracle: (request, secret) =>
        taken(() =>
          webhooks.constructEvent(request.body, header(request, name) ?? '', secret, 300, undefined, stripe.now),
        ),
      onPurpose: (request) => {
        const value = header(request, name) ?? '';
        // docs.stripe.com/webhooks/signature: "split the header using the , character … split each element using the =
        // character to get a prefix and value pair". What is no such list was not written by Stripe.
        if (list(value).some((item) => !/^[a-z][a-z0-9_]*=./.test(item))) return 'the header is no list of pairs';
        // "The value for the prefix t corresponds to the timestamp": one value, and a number. The library takes the last
        // of several, and reads "17x" as 17.
        if (list(value).filter((item) => item.startsWith('t=')).length > 1) return 'there are two times';
        if (!/(?:^|,)t=(?:0|[1-9]\d*)(?:,|$)/.test(value)) return 'the time is no number';
        // "generate an HMAC with the SHA256 hash function", in hex: a MAC with something behind it is none.
        if (list(value).some((item) => /^v1=[0-9a-f]{64}=/.test(item)))
          return 'there is something behind the signature';
        return undefined;
      },
    });
  });

  it('standardwebhooks', async () => {
    const signature = 'webhook-signature';
    await compare({
      samples: standardWebhooks,
      changes: [
        ...bodyChanges,
        ...headerChanges(signature),
        ...headerChanges('webhook-id'),
        ...headerChanges('webhook-timestamp'),
        {
          name: 'a second signature',
          apply: (request, random) =>
            withHeader(request, signature, (value) =>
              random.pick([`v1,x ${value}`, `${value} v2,x`, `v1a,AAAA ${value}`, `  ${value}`]),
            ),
        },
      ],
      oracle: (request, secret) =>
        taken(() =>
          new Webhook(secret).verify(request.body.toString(), Object.fromEntries(request.headers), {
            jsonParse: false,
          }),
        ),
      onPurpose: (request) => {
        // spec/standard-webhooks.md, "Signature scheme": the id must not hold a "."; the timestamp is a unix time in
        // seconds, where the library reads "17x" as 17; a signature is one base64 text behind one comma.
        if (!/^[!-\-/-~]+$/.test(header(request, 'webhook-id') ?? '')) return 'the id holds a dot';
        if (!/^(?:0|[1-9]\d*)$/.test(header(request, 'webhook-timestamp') ?? '')) return 'the timestamp is no number';
        if ((header(request, signature) ?? '').split(' ').some((one) => one.split(',').length > 2))
          return 'there is something behind the signature';
        return undefined;
      },
    });
  });

  it('square', async () => {
    const name = 'x-square-hmacsha256-signature';
    await compare({
      samples: square,
      changes: [...bodyChanges, ...headerChanges(name)],
      oracle: async (request, secret) => {
        const notificationUrl =
          typeof square.settings.notification_url === 'string' ? square.settings.notification_url : request.url;
        const value = header(request, name);
        if (value === undefined) return false;
        return WebhooksHelper.verifySignature({
          requestBody: request.body.toString(),
          signatureHeader: value,
          signatureKey: secret,
          notificationUrl,
        });
      },
      onPurpose: () => undefined,
    });
  });

  it('gocardless', async () => {
    const name = 'webhook-signature';
    await compare({
      samples: gocardless,
      changes: [
        ...bodyChanges,
        ...headerChanges(name),
        {
          name: 'capitals in the signature',
          apply: (request) => withHeader(request, name, (value) => value.toUpperCase()),
        },
        {
          name: 'something around the signature',
          apply: (request, random) =>
            withHeader(request, name, (value) =>
              random.pick([` ${value}`, `${value},${value}`, `0x${value}`, `${value}zz`, `sha256=${value}`]),
            ),
        },
        {
          name: 'the signature in base64',
          apply: (request) => withHeader(request, name, (value) => Buffer.from(value, 'hex').toString('base64')),
        },
        {
          name: 'bytes that are no UTF-8',
          apply: (request, random) => ({
            ...request,
            body: Buffer.concat([request.body, Buffer.from([0x80 + random.below(128), 0xff])]),
          }),
        },
      ],
      oracle: (request, secret) =>
        taken(() => parseGocardless(request.body, secret, header(request, name) ?? '').length > 0),
      onPurpose: (request) =>
        // developer.gocardless.com, "Staying up-to-date with webhooks": the header is the hex digest of the body, and a
        // digest has 64 digits. The library's decoder stops at the first character that is none, or that has no partner.
        /^[0-9a-fA-F]{64}./s.test(header(request, name) ?? '') ? 'there is something behind the signature' : undefined,
    });
  });

  it('razorpay', async () => {
    const name = 'x-razorpay-signature';
    await compare({
      samples: razorpay,
      changes: [
        ...bodyChanges,
        ...headerChanges(name),
        { name: 'upper-case hex', apply: (request) => withHeader(request, name, (value) => value.toUpperCase()) },
        {
          name: 'another event id',
          apply: (request, random) => withHeader(request, 'x-razorpay-event-id', (value) => flip(value, random)),
        },
      ],
      oracle: (request, secret) =>
        taken(() => Razorpay.validateWebhookSignature(request.body.toString(), header(request, name) ?? '', secret)),
      onPurpose: () => undefined,
    });
  });

  it('adyen', async () => {
    const validator = new hmacValidator();
    await compare({
      samples: adyen,
      changes: bodyChanges,
      oracle: (request, secret) =>
        taken(() => {
          const { notificationItems } = JSON.parse(request.body.toString());
          return (
            notificationItems.length > 0 &&
            notificationItems.every((one: { NotificationRequestItem: never }) =>
              validator.validateHMAC(one.NotificationRequestItem, secret),
            )
          );
        }),
      onPurpose: (request) => {
        // docs.adyen.com, "Verify HMAC signatures": the signature is Base64-encoded. The library's decoder skips what is
        // not, and the bits the last character has too many: "…A?" and "…B=" would be as good as "…A=".
        const [, signature = ''] = /"hmacSignature":"([^"]*)"/.exec(request.body.toString()) ?? [];
        return Buffer.from(signature, 'base64').toString('base64') === signature
          ? undefined
          : 'the signature is no base64';
      },
    });
  });

  it('paddle', async () => {
    const { webhooks } = new Paddle('made-key-of-no-account');
    const name = 'paddle-signature';
    const list = (value: string): string[] => value.split(';');
    const outcomes = await compare({
      samples: paddle,
      ages: [0, 0, 0, 1, 4, 5, 6, 300, -4, -5, -6, -300],
      changes: [
        ...bodyChanges,
        ...headerChanges(name),
        {
          name: 'items turned round',
          apply: (request) => withHeader(request, name, (value) => list(value).reverse().join(';')),
        },
        { name: 'an h2', apply: (request) => withHeader(request, name, (value) => `${value};h2=${'0'.repeat(64)}`) },
        { name: 'only h2', apply: (request) => withHeader(request, name, (value) => value.replace('h1=', 'h2=')) },
        {
          name: 'another h1',
          apply: (request, random) =>
            withHeader(request, name, (value) =>
              list(value)
                .toSpliced(random.pick([1, 2]), 0, `h1=${random.pick(['', 'x', '0'.repeat(64)])}`)
                .join(';'),
            ),
        },
        {
          name: 'another time',
          apply: (request, random) =>
            withHeader(request, name, (value) =>
              value.replace(/ts=\d+/, () => `ts=${Math.floor(paddle.now / 1000) + 5 - random.below(12)}`),
            ),
        },
        {
          name: 'a second time',
          apply: (request) => withHeader(request, name, (value) => `${value};${list(value)[0]}`),
        },
        { name: 'a blank', apply: (request) => withHeader(request, name, (value) => value.replace(';', '; ')) },
      ],
      oracle: async (request, secret) => {
        try {
          return await webhooks.isSignatureValid(request.body.toString(), secret, header(request, name) ?? '');
        } catch {
          // How this library says no.
          return false;
        }
      },
      onPurpose: (request) => {
        const value = header(request, name) ?? '';
        // developer.paddle.com/webhooks/signature-verification: the header is parts of a name and a value with semicolons
        // between. The library skips what is none, and what stands behind a second "=".
        if (list(value).some((item) => !/^[a-z][a-z0-9]*=./.test(item))) return 'the header is no list of pairs';
        if (list(value).some((item) => /^h1=[0-9a-f]{64}=/.test(item)))
          return 'there is something behind the signature';
        // ts is one unix time. The library takes the last, and reads "17x" as 17.
        if (list(value).filter((item) => item.startsWith('ts=')).length > 1) return 'there are two times';
        const [, ts] = /(?:^|;)ts=((?:0|[1-9]\d*))(?:;|$)/.exec(value) ?? [];
        if (ts === undefined) return 'the time is no number';
        // The tolerance is against replays, and a time ahead of ours is replayable for longer than one behind.
        return Number(ts) - paddle.now / 1000 > 5 ? 'the time is ahead' : undefined;
      },
      // The same page: while secret keys are rotated there are several h1. The library keeps only the last.
      looser: (request) =>
        list(header(request, name) ?? '').filter((item) => item.startsWith('h1=')).length > 1
          ? 'one of several h1 fits'
          : undefined,
    });
    for (const outcome of ['one of several h1 fits', 'the time is ahead', 'there are two times'])
      expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(10);
  });

  it('shopify', async () => {
    const [apiSecretKey] = shopify.secrets;
    const { webhooks } = shopifyApi({
      apiKey: 'made-key-of-no-app',
      apiSecretKey,
      apiVersion: '2026-07' as never,
      hostName: 'gateway.example',
      isEmbeddedApp: false,
      logger: { level: LogSeverity.Error },
    });
    const name = 'x-shopify-hmac-sha256';
    await compare({
      samples: shopify,
      changes: [...bodyChanges, ...headerChanges(name)],
      oracle: async ({ method, url, headers, body }) => {
        const rawRequest = { method, url, headers: Object.fromEntries(headers) } as never;
        const { valid } = await webhooks.validate({ rawBody: body.toString(), rawRequest });
        return valid;
      },
      onPurpose: () => undefined,
    });
  });
});
