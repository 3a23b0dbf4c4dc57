import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/*
 * X.509 v3 in DER, as much of it as a throwaway root and one leaf need (RFC 5280): simulated traffic must have a
 * certificate chain, and nobody but PayPal has PayPal's. Such a root is believed only by who is told to (trustRoots).
 */
export type SimulatedAuthority = {
  readonly rootPem: string;
  /** The leaf, as it would be under the certificate URL. */
  readonly certificatePem: string;
  readonly privateKeyPem: string;
};

const DAY_MS = 86_400_000;
const BEFORE_DAYS = 30;
const SHA256_WITH_RSA = '1.2.840.113549.1.1.11';
const COMMON_NAME = '2.5.4.3';
const BASIC_CONSTRAINTS = '2.5.29.19';

/** A root and a leaf for `commonName`, valid from 30 days before `now` (unix ms) for `days`. Takes some 100 ms for the keys. */
export function createSimulatedAuthority(now: number, commonName: string, days = 400): SimulatedAuthority {
  const root = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const leaf = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const from = now - BEFORE_DAYS * DAY_MS;
  const until = now + days * DAY_MS;
  const rootName = 'Postern simulated root';
  const byRoot = { issuer: rootName, issuerKey: root.privateKey, from, until };
  return {
    rootPem: certificate({ ...byRoot, subject: rootName, subjectKey: root.publicKey, authority: true }),
    certificatePem: certificate({ ...byRoot, subject: commonName, subjectKey: leaf.publicKey, authority: false }),
    privateKeyPem: leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

type Request = {
  subject: string;
  subjectKey: KeyObject;
  issuer: string;
  issuerKey: KeyObject;
  from: number;
  until: number;
  authority: boolean;
};

function certificate(request: Request): string {
  const algorithm = sequence(objectId(SHA256_WITH_RSA), der(0x05));
  const constraints = sequence(...(request.authority ? [der(0x01, Buffer.from([0xff]))] : []));
  const extension = sequence(objectId(BASIC_CONSTRAINTS), der(0x01, Buffer.from([0xff])), der(0x04, constraints));
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    // 127 bits: the first bit set would make the number negative.
    integer(Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
    algorithm,
    name(request.issuer),
    sequence(time(request.from), time(request.until)),
    name(request.subject),
    request.subjectKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  );
  const signature = sign('RSA-SHA256', body, request.issuerKey);
  const whole = sequence(body, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

function sequence(...contents: readonly Buffer[]): Buffer {
  return der(0x30, ...contents);
}

function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes);
}

function name(commonName: string): Buffer {
  return sequence(der(0x31, sequence(objectId(COMMON_NAME), der(0x0c, Buffer.from(commonName)))));
}

/** GeneralizedTime: right for every year, where UTCTime ends with 2049. */
function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d{3}/g, '');
  return der(0x18, Buffer.from(text));
}

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest.flatMap(base128)];
  return der(0x06, Buffer.from(bytes));
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let left = value >> 7; left > 0; left >>= 7) bytes.unshift((left & 0x7f) | 0x80);
  return bytes;
}
