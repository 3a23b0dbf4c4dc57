import { type KeyObject, X509Certificate } from 'node:crypto';
import type { CertificateLookup } from '../provider.ts';

const COMMON_NAME = 'CN=sns.amazonaws.com';
const PEM_CHARS_MAX = 64 * 1024;
const CACHE_MAX = 16;
/** docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html: SigningCertURL. No query, port or second slash. */
const FILE = /^SimpleNotificationService-[A-Za-z0-9]{16,64}\.pem$/;

export type SigningKey =
  | { readonly kind: 'key'; readonly key: KeyObject; readonly notBefore: number; readonly notAfter: number }
  | { readonly kind: 'needs'; readonly url: string }
  | { readonly kind: 'refused'; readonly detail: string };

/**
 * The key under `url`, which must be a signing certificate at `host` to the letter. That it is Amazon's is proved by TLS
 * when it is fetched: only SNS can answer under that name, and AWS's own validators ask for no more. Kept by its text,
 * because parsing one costs more than a signature does.
 */
export function createSigningKeys() {
  const kept = new Map<string, SigningKey>();

  return function signingKey(url: string, host: string, certificates: CertificateLookup): SigningKey {
    const start = `https://${host}/`;
    if (!url.startsWith(start) || !FILE.test(url.slice(start.length)))
      return refused(`the certificate is not at ${host}`);
    const pem = certificates.get(url);
    if (pem === undefined) return { kind: 'needs', url };
    const known = kept.get(pem);
    if (known !== undefined) return known;
    const parsed = parse(pem);
    const oldest = kept.size >= CACHE_MAX ? kept.keys().next().value : undefined;
    if (oldest !== undefined) kept.delete(oldest);
    kept.set(pem, parsed);
    return parsed;
  };
}

function parse(pem: string): SigningKey {
  let leaf: X509Certificate;
  try {
    if (pem.length > PEM_CHARS_MAX) return refused('what is under the certificate URL is too long');
    leaf = new X509Certificate(pem);
  } catch {
    // Not a certificate at all: refused by name, below.
    return refused('what is under the certificate URL is no certificate');
  }
  const names = leaf.subject.split('\n').filter((line) => line.startsWith('CN='));
  if (names.length !== 1 || names[0] !== COMMON_NAME) return refused('the certificate is not for sns.amazonaws.com');
  if (leaf.publicKey.asymmetricKeyType !== 'rsa') return refused('the certificate has no RSA key');
  return {
    kind: 'key',
    key: leaf.publicKey,
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
  };
}

function refused(detail: string): SigningKey {
  return { kind: 'refused', detail };
}
