import { describe, expect, it } from 'vitest';
import { amazonPay } from '../../../src/providers/amazon-pay/index.ts';
import { signEnvelope } from '../../../src/providers/amazon-pay/sign.ts';
import { hostOfTopic, SNS_HOSTS } from '../../../src/providers/amazon-pay/topics.ts';
import { createSimulatedAuthority } from '../../../src/providers/paypal/simulated-authority.ts';
import type { Verdict, VerifyContext } from '../../../src/providers/provider.ts';
import { createRandom } from '../../support/random.ts';
import { authority, certificateUrl, ipn, NOW, requestOf, samples, signed, snsMessage, TOPIC } from './samples.ts';

const MESSAGE = snsMessage(ipn('CHARGE', 'S02-0000001-0000001-C000001'));
const verify = (body: Buffer, change: Partial<VerifyContext> = {}): Verdict =>
  amazonPay.verify(requestOf(body), { ...samples.context([], NOW), settings: { topic_arns: [TOPIC] }, ...change });
const identify = (body: Buffer, settings: object = { topic_arns: [TOPIC] }) =>
  amazonPay.identify(requestOf(body), { ...settings });
/** Changes members after the signature. */
const altered = (change: Record<string, unknown>, message = MESSAGE): Buffer =>
  Buffer.from(JSON.stringify({ ...JSON.parse(signed(message).toString()), ...change }));

describe('the signature', () => {
  it('is taken in both versions, with and without a subject', () => {
    for (const version of ['1', '2'] as const) {
      expect(verify(signed(MESSAGE, version)).kind).toBe('authentic');
      expect(verify(signed({ ...MESSAGE, Subject: 'made' }, version)).kind).toBe('authentic');
    }
  });

  it('covers every field but the way to unsubscribe', () => {
    for (const name of ['Message', 'MessageId', 'Timestamp', 'TopicArn', 'Type', 'Subject'])
      expect(verify(altered({ [name]: `${MESSAGE[name] ?? ''} ` })).kind, name).toBe('rejected');
    expect(verify(altered({ UnsubscribeURL: 'https://attacker.example/' })).kind).toBe('authentic');
  });

  it('is not taken under the other version, or under one nobody knows', () => {
    expect(verify(altered({ SignatureVersion: '1' }))).toMatchObject({ reason: 'signature_mismatch' });
    for (const version of ['0', '3', '', 'constructor', null])
      expect(verify(altered({ SignatureVersion: version }))).toMatchObject({ reason: 'unsupported' });
  });

  it('is refused in another writing', () => {
    const { Signature } = JSON.parse(signed(MESSAGE).toString()) as { Signature: string };
    for (const other of [`${Signature}=`, Signature.slice(0, 40), `${Signature} `, 'x'.repeat(5000), '%%%'])
      expect(verify(altered({ Signature: other })).kind, other.slice(0, 50)).toBe('rejected');
    for (const none of ['', null, undefined, {}])
      expect(verify(altered({ Signature: none }))).toMatchObject({ reason: 'signature_missing' });
  });

  it('belongs to the topics of the endpoint, whoever else has SNS sign', () => {
    const other = TOPIC.replace('MADETOPIC', 'THEIRTOPIC');
    expect(verify(signed({ ...MESSAGE, TopicArn: other }))).toMatchObject({ reason: 'signature_mismatch' });
    expect(verify(signed(MESSAGE), { settings: { topic_arns: [other] } })).toMatchObject({ kind: 'rejected' });
    expect(verify(signed(MESSAGE), { settings: { topic_arns: [other, TOPIC] } }).kind).toBe('authentic');
    for (const settings of [{}, { topic_arns: [] }, { topic_arns: 'x' }, { topic_arns: ['x', 1] }])
      expect(verify(signed(MESSAGE), { settings })).toMatchObject({ reason: 'no_secret' });
    expect(verify(signed(MESSAGE), { settings: {}, secrets: [{ id: 's7', secret: TOPIC }] })).toMatchObject({
      kind: 'authentic',
      secretId: 's7',
    });
  });
});

const CRAFTED = [
  'https://sns.eu-west-1.amazonaws.com.attacker.example/SimpleNotificationService-0123456789abcdef.pem',
  'https://attacker.example/SimpleNotificationService-0123456789abcdef.pem',
  'https://attacker.example#sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem',
  'http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem',
  'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem',
  'https://sns.eu-west-1.amazonaws.com:444/SimpleNotificationService-0123456789abcdef.pem',
  'https://sns.eu-west-1.amazonaws.com/?Action=x&y=SimpleNotificationService-0123456789abcdef.pem',
  'https://sns.eu-west-1.amazonaws.com/x/SimpleNotificationService-0123456789abcdef.pem',
  'https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-0123456789abcdef.pem',
  'https://sns.eu-west-1.amazonaws.com\\@attacker.example/SimpleNotificationService-0123456789abcdef.pem',
  'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem?x',
  'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem\n',
  'https://SNS.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem',
  'https://sns-eu-west-1.s3.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem',
  'https://sns.eu-west-9.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem',
  'https://169.254.169.254/SimpleNotificationService-0123456789abcdef.pem',
  'file:///SimpleNotificationService-0123456789abcdef.pem',
  '',
];

describe('the certificate', () => {
  it.each(CRAFTED)('is neither fetched nor looked up at %j', (url) => {
    const lookup = {
      get: () => {
        throw new Error('looked up');
      },
    };
    expect(verify(altered({ SigningCertURL: url }), { certificates: lookup })).toMatchObject({
      kind: 'rejected',
      reason: 'certificate',
    });
  });

  it("is asked for at the topic's own host when it is not at hand", () => {
    const verdict = verify(signed(MESSAGE), { certificates: { get: () => undefined } });
    expect(verdict).toEqual({ kind: 'needs', url: certificateUrl(TOPIC) });
    expect(amazonPay.facts.certificateHosts).toContain(new URL(certificateUrl(TOPIC)).hostname);
  });

  it('must be for SNS, valid now, and one at all', () => {
    const under = (pem: string) => verify(signed(MESSAGE), { certificates: { get: () => pem } });
    for (const pem of ['', 'junk', authority.rootPem, 'x'.repeat(100_000)])
      expect(under(pem), pem.slice(0, 30)).toMatchObject({ reason: 'certificate' });
    for (const name of ['attacker.example', 'x.sns.amazonaws.com', 'sns.amazonaws.com.attacker.example']) {
      const other = createSimulatedAuthority(NOW, name);
      const body = signEnvelope(MESSAGE, other.privateKeyPem, certificateUrl(TOPIC));
      expect(verify(body, { certificates: { get: () => other.certificatePem } })).toMatchObject({
        reason: 'certificate',
      });
    }
    const old = createSimulatedAuthority(NOW, 'sns.amazonaws.com', 1);
    const body = signEnvelope(MESSAGE, old.privateKeyPem, certificateUrl(TOPIC));
    const lookup = { get: () => old.certificatePem };
    expect(verify(body, { certificates: lookup }).kind).toBe('authentic');
    expect(verify(body, { certificates: lookup, now: NOW + 2 * 86_400_000 })).toMatchObject({ reason: 'certificate' });
    // Another one under the same URL is looked at anew.
    expect(verify(signed(MESSAGE), { certificates: lookup })).toMatchObject({ reason: 'signature_mismatch' });
  });
});

describe('a subscription', () => {
  const TOKEN = 'a1'.repeat(100);
  const place = 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription';
  const confirmation = (change: Record<string, string> = {}) => ({
    ...snsMessage('You have chosen to subscribe', { Token: TOKEN, SubscribeURL: `${place}&Token=${TOKEN}`, ...change }),
    Type: 'SubscriptionConfirmation' as const,
  });

  it("is confirmed at the topic's own host, with an address put together here", () => {
    const body = signed(confirmation());
    expect(verify(body).kind).toBe('authentic');
    const found = identify(body);
    expect(found).toMatchObject({
      kind: 'control',
      answer: { status: 200 },
      visit: `${place}&TopicArn=${TOPIC}&Token=${TOKEN}`,
    });
    const { hostname } = new URL(found.kind === 'control' ? (found.visit ?? '') : '');
    expect(amazonPay.facts.certificateHosts).toContain(hostname);
  });

  it('is signed with its token and address', () => {
    for (const name of ['Token', 'SubscribeURL'])
      expect(verify(altered({ [name]: 'x' }, confirmation()))).toMatchObject({ reason: 'signature_mismatch' });
  });

  it.each([
    'https://attacker.example/?Action=ConfirmSubscription',
    'https://sns.eu-west-1.amazonaws.com.attacker.example/?Action=ConfirmSubscription',
    'https://sns.eu-west-1.amazonaws.com@attacker.example/?Action=ConfirmSubscription',
    'https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription',
    'http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription',
    'http://127.0.0.1/',
    '',
  ])('sends us nowhere when it names %j', (url) => {
    expect(identify(signed(confirmation({ SubscribeURL: url })))).not.toHaveProperty('visit');
  });

  it('is not confirmed for a topic nobody expects, or with a token that is none', () => {
    const other = 'arn:aws:sns:eu-west-1:999999999999:theirs';
    expect(identify(signed(confirmation({ TopicArn: other })))).not.toHaveProperty('visit');
    expect(verify(signed(confirmation({ TopicArn: other })))).toMatchObject({ kind: 'rejected' });
    for (const token of ['', 'x&TopicArn=theirs', '../', 'a'.repeat(600)])
      expect(identify(signed(confirmation({ Token: token }))), token).not.toHaveProperty('visit');
    const china = 'arn:aws-cn:sns:cn-north-1:111122223333:made';
    expect(identify(signed(confirmation({ TopicArn: china })), {})).not.toHaveProperty('visit');
  });

  it('that ended is told to a person, and never begun again', () => {
    const ended = signed({ ...confirmation(), Type: 'UnsubscribeConfirmation' });
    expect(identify(ended)).toMatchObject({ kind: 'events', events: [{ type: 'UnsubscribeConfirmation' }] });
  });
});

describe('identify', () => {
  it('reads the object, the merchant and the mode', () => {
    expect(identify(signed(MESSAGE))).toMatchObject({
      events: [
        {
          id: '00000000-0000-5000-8000-000000000001:00000000-0000-4000-8000-000000000001',
          type: 'CHARGE.STATE_CHANGE',
          account: 'MADEMERCHANT1',
          live: false,
          occurredAt: NOW,
          idSigned: true,
        },
      ],
    });
    const live = snsMessage(JSON.stringify({ merchantID: 'm', objectType: 'Refund', objectId: 'P01-1-1-R1' }));
    expect(identify(signed(live))).toMatchObject({
      events: [{ type: 'REFUND.STATE_CHANGE', live: true, account: 'm', id: live.MessageId }],
    });
  });

  it('keeps what is no notification of Amazon Pay as an event of a type nobody knows', () => {
    for (const text of ['plain text', '[]', '{}', '{"ObjectType":"CHARGE"}', ''])
      expect(identify(signed(snsMessage(text))), text).toMatchObject({ events: [{ type: 'unknown', live: null }] });
  });

  it('reads nothing without an envelope: raw message delivery is not signed', () => {
    for (const body of [ipn('CHARGE', 'x'), '{"Type":"Notification"}', '{"Type":"Other","MessageId":"x"}'])
      expect(identify(Buffer.from(body)).kind).toBe('unreadable');
    expect(verify(Buffer.from(ipn('CHARGE', 'x')))).toMatchObject({ reason: 'unreadable' });
  });
});

it('takes no junk for signed, and never throws', () => {
  const random = createRandom(20_261_124);
  const whole = signed(MESSAGE).toString();
  const pieces = ['"', '{', '}', '[', '\\u0000', '\\', 'Type', 'Signature', 'null', '1e999', '\u0000', 'é', ',', ':'];
  for (let n = 0; n < 1_500; n += 1) {
    const at = random.below(whole.indexOf('"SigningCertURL"'));
    const text =
      random.below(3) === 0
        ? Array.from({ length: random.below(40) }, () => random.pick(pieces)).join('')
        : whole.slice(0, at) + random.pick(pieces) + whole.slice(at + random.below(3));
    if (text === whole) continue;
    const body = Buffer.from(text);
    const verdict = verify(body);
    // The same message in another JSON spelling is the same message.
    if (verdict.kind === 'authentic')
      expect(identify(body)).toMatchObject({ events: [{ type: 'CHARGE.STATE_CHANGE' }] });
    else expect(verdict.kind, text).toBe('rejected');
    expect(['events', 'unreadable', 'control']).toContain(identify(body).kind);
  }
});

it('knows the topics of the regions it may ask, and no others', () => {
  expect(hostOfTopic(TOPIC)).toBe('sns.eu-west-1.amazonaws.com');
  for (const arn of [
    '',
    'arn:aws:sns:eu-west-1:1:x',
    'arn:aws:sqs:eu-west-1:111122223333:x',
    'arn:aws:sns:x.attacker.example#:111122223333:x',
    'arn:aws:sns:us-gov-west-1:111122223333:x',
    `${TOPIC}\n`,
    ` ${TOPIC}`,
  ]) {
    expect(hostOfTopic(arn), arn).toBeNull();
    expect(amazonPay.checkSettings({ topic_arns: [arn] })).not.toEqual([]);
  }
  for (const host of SNS_HOSTS) expect(host).toMatch(/^sns\.[a-z]+-[a-z]+-\d\.amazonaws\.com$/);
});

it('refuses settings that can ask nobody', () => {
  const key = authority.privateKeyPem;
  const good = { region: 'eu', public_key_id: 'SANDBOX-MADEBYUS00000001', api_key: key };
  expect(amazonPay.checkSettings({ topic_arns: [TOPIC], ...good })).toEqual([]);
  for (const change of [
    { region: 'mars' },
    { region: undefined },
    { public_key_id: 'a b' },
    { public_key_id: undefined },
    { api_key: 'no key' },
    { tolerance_s: 300 },
    { topic_arns: [] },
    { topic_arns: TOPIC },
  ])
    expect(amazonPay.checkSettings({ ...good, ...change }), JSON.stringify(change)).not.toEqual([]);
});
