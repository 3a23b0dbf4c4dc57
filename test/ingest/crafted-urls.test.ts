import { describe, expect, it } from 'vitest';
import { createCertificates } from '../../src/certificates.ts';
import { createEgress } from '../../src/egress.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { createVisits } from '../../src/ingest/visits.ts';
import { handleWebhook } from '../../src/ingest/webhook.ts';
import { providers } from '../../src/providers/index.ts';
import type { EndpointSettings, Provider, WebhookRequest } from '../../src/providers/provider.ts';
import {
  certificateUrl,
  NOW,
  requestOf,
  signed,
  samples as sns,
  snsMessage,
  TOPIC,
} from '../providers/amazon-pay/samples.ts';
import { samples as paypal } from '../providers/paypal/samples.ts';

/*
 * A URL in a webhook never decides where we connect. The way of a request is put together as the gateway does, with its
 * egress; only names are not resolved but written down: no name asked for, no connection made.
 */
const allowHosts = [...providers.values()].flatMap((provider) => provider.facts.certificateHosts ?? []);
const log = { warn: () => undefined, info: () => undefined };

async function namesAskedFor(
  provider: Provider,
  settings: EndpointSettings,
  request: WebhookRequest,
  known: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const asked: string[] = [];
  const clock = { now: () => NOW };
  const egress = createEgress({
    allowHosts,
    async resolve(host) {
      asked.push(host);
      return [];
    },
  });
  const stored = Object.entries(known).map(([url, pem]) => ({ url, pem, fetchedAt: NOW, expiresAt: NOW + 1_000_000 }));
  const certificates = createCertificates({
    egress,
    store: { load: async () => stored, save: async () => undefined },
    clock,
    log,
  });
  await certificates.load();
  const visits = createVisits({ egress, clock, log: log as unknown as Parameters<typeof createVisits>[0]['log'] });
  const endpoint: Endpoint = { id: 1, provider, name: 'e', account: 'e', settings, disabled: false, secrets: [] };
  await handleWebhook(
    endpoint,
    { ...request, path: '/webhooks/x/e', sourceIp: '127.0.0.1' },
    {
      endpoints: { activeSecrets: () => [], noteUse: () => undefined },
      certificates,
      visits,
      hints: { take: () => true },
      intake: { accept: async () => ({ stored: 1, duplicates: 0, conflicts: 0 }) },
      hashCredential: () => 'hmac-sha256:made',
      clock,
    },
  );
  await certificates.idle();
  await visits.idle();
  egress.close();
  return asked;
}

const ELSEWHERE = [
  'https://attacker.example/cert.pem',
  'https://127.0.0.1/cert.pem',
  'https://[::1]/cert.pem',
  'https://169.254.169.254/latest/meta-data/',
  'https://localhost/cert.pem',
  'http://attacker.example/cert.pem',
  'file:///etc/passwd',
  'gopher://127.0.0.1:5432/_',
  '//attacker.example/cert.pem',
  '',
];

/** The ways to write one host that is another. */
function dressedUp(host: string, path: string): string[] {
  return [
    `http://${host}${path}`,
    `https://${host}:8443${path}`,
    `https://${host}@attacker.example${path}`,
    `https://attacker.example\\@${host}${path}`,
    `https://${host}\\@attacker.example${path}`,
    `https://${host}.attacker.example${path}`,
    `https://attacker.example/${host}${path}`,
    `https://attacker.example#${host}${path}`,
    `https://attacker.example?${host}${path}`,
    `https://${host}%00.attacker.example${path}`,
    `https://${host}%2eattacker.example${path}`,
    `https://${host}/../../redirect?to=https://attacker.example`,
    `https://${host}${path}/../../../other`,
    `https://${host}${path}\r\nHost: attacker.example`,
    `https://user:password@${host}${path}`,
  ];
}

describe('a certificate address of PayPal', () => {
  const genuine = 'https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77';
  const from = (url: string): Promise<string[]> => {
    const request = paypal.sign(paypal.money(1), paypal.secrets[0], paypal.now);
    const headers = request.headers.map(([name, value]) => [name, name === 'paypal-cert-url' ? url : value] as const);
    return namesAskedFor(paypal.provider, paypal.settings, { ...request, headers });
  };

  it('is fetched where it is genuine', async () => {
    expect(await from(genuine)).toEqual(['api.paypal.com']);
  });

  it.each([...ELSEWHERE, ...dressedUp('api.paypal.com', '/v1/notifications/certs/CERT-1')])(
    '%j leads nowhere',
    async (url) => {
      expect(await from(url)).toEqual([]);
    },
  );
});

describe('a certificate address of Amazon SNS', () => {
  const settings = { topic_arns: [TOPIC] };
  const from = (url: string): Promise<string[]> => {
    const message = JSON.parse(sns.money(1).toString()) as Record<string, string>;
    return namesAskedFor(
      sns.provider,
      settings,
      requestOf(Buffer.from(JSON.stringify({ ...message, SigningCertURL: url }))),
    );
  };
  const host = new URL(certificateUrl(TOPIC)).hostname;

  it('is fetched where it is genuine', async () => {
    expect(await from(certificateUrl(TOPIC))).toEqual([host]);
  });

  it.each([
    ...ELSEWHERE,
    ...dressedUp(host, new URL(certificateUrl(TOPIC)).pathname),
    'https://sns.eu-west-1.amazonaws.com.cn.attacker.example/x.pem',
    'https://bucket.s3.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem',
  ])('%j leads nowhere', async (url) => {
    expect(await from(url)).toEqual([]);
  });
});

describe('a subscription address of Amazon SNS', () => {
  const settings = { topic_arns: [TOPIC] };
  const token = 'madeTokenOfOurs0123456789';
  const host = new URL(certificateUrl(TOPIC)).hostname;
  const genuine = `https://${host}/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=${token}`;
  const known = { [certificateUrl(TOPIC)]: sns.context([], NOW).certificates.get(certificateUrl(TOPIC)) ?? '' };
  const from = (url: string, of: EndpointSettings = settings): Promise<string[]> =>
    namesAskedFor(
      sns.provider,
      of,
      requestOf(signed(snsMessage('subscribe', { Type: 'SubscriptionConfirmation', Token: token, SubscribeURL: url }))),
      known,
    );

  it('is visited where it is genuine and the topic is ours', async () => {
    expect(await from(genuine)).toEqual([host]);
    expect(await from(genuine, { topic_arns: [`${TOPIC}other`] })).toEqual([]);
  });

  it.each(ELSEWHERE)('%j leads nowhere', async (url) => {
    expect(await from(url)).toEqual([]);
  });

  // The address visited is put together from the topic and the token: what is told is only compared with it.
  it.each(dressedUp(host, `/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=${token}`))(
    '%j leads nowhere else',
    async (url) => {
      expect((await from(url)).filter((name) => name !== host)).toEqual([]);
    },
  );
});

it("only a provider's own certificate hosts are visited, and so often an endpoint a minute", async () => {
  const visited: string[] = [];
  const egress = {
    async fetchBytes(url: string) {
      visited.push(url);
      return Buffer.alloc(0);
    },
  };
  const visits = createVisits({
    egress,
    clock: { now: () => NOW },
    log: log as unknown as Parameters<typeof createVisits>[0]['log'],
  });
  const endpoint: Endpoint = {
    id: 1,
    provider: sns.provider,
    name: 'e',
    account: 'e',
    settings: {},
    disabled: false,
    secrets: [],
  };
  for (const url of ['https://attacker.example/', 'not a url', 'https://api.paypal.com/'])
    visits.request(endpoint, url);
  for (let n = 0; n < 20; n += 1) visits.request(endpoint, `https://sns.eu-west-1.amazonaws.com/?n=${n}`);
  await visits.idle();
  expect(visited).toHaveLength(6);
  expect(visited.every((url) => url.startsWith('https://sns.eu-west-1.amazonaws.com/'))).toBe(true);
});
