import { type KeyObject, X509Certificate } from 'node:crypto';
import type { CertificateLookup } from '../provider.ts';
import { issuerUrl, type PaypalEnvironment } from './certificate-url.ts';
import { pinnedRoots } from './pinned-roots.ts';

/** The subject of the certificates PayPal signs messages with, by environment. */
const COMMON_NAMES: Readonly<Record<PaypalEnvironment, string>> = {
  live: 'messageverificationcerts.paypal.com',
  sandbox: 'messageverificationcerts.sandbox.paypal.com',
};

export type Chain =
  | { readonly kind: 'trusted'; readonly key: KeyObject; readonly notBefore: number; readonly notAfter: number }
  | { readonly kind: 'needs'; readonly url: string }
  | { readonly kind: 'refused'; readonly detail: string };

/** Leaf, at most three intermediates, root. */
const DEPTH_MAX = 5;
const CERTIFICATES_MAX = 10;
const PEM_CHARS_MAX = 64 * 1024;
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+?-----END CERTIFICATE-----/g;
const CACHE_MAX = 64;

/**
 * The key of the certificate under `url`, if its chain ends in a pinned root and its name is the environment's. Whether
 * it is valid now is for the caller: `notBefore` and `notAfter` bound the whole chain.
 *
 * Chains are kept by URL together with the text they were made of, because parsing and verifying one costs a hundred
 * times what a signature costs; a re-issued certificate is another text and is looked at anew.
 */
export function createChains() {
  type Entry = { pem: string; roots: readonly string[] | undefined; chain: Chain };
  const kept = new Map<string, Entry>();

  return function chainOf(url: string, environment: PaypalEnvironment, certificates: CertificateLookup): Chain {
    const pem = certificates.get(url);
    if (pem === undefined) return { kind: 'needs', url };
    const roots = certificates.trustRoots;
    const entry = kept.get(url);
    if (entry !== undefined && entry.pem === pem && entry.roots === roots) return entry.chain;
    const chain = buildChain(pem, environment, certificates);
    // A chain that waits for its intermediate is asked for again each time.
    if (chain.kind === 'needs') return chain;
    const oldest = kept.size >= CACHE_MAX ? kept.keys().next().value : undefined;
    if (oldest !== undefined) kept.delete(oldest);
    kept.set(url, { pem, roots, chain });
    return chain;
  };
}

function buildChain(pem: string, environment: PaypalEnvironment, certificates: CertificateLookup): Chain {
  const parsed = parsePem(pem);
  const leaf = parsed?.[0];
  if (parsed === null || leaf === undefined) return refused('what is under the certificate URL is no PEM certificate');
  const names = leaf.subject.split('\n').filter((line) => line.startsWith('CN='));
  // Two common names: which one counts would be for the reader.
  if (names.length !== 1 || names[0] !== `CN=${COMMON_NAMES[environment]}`) {
    return refused(`the certificate is not for ${COMMON_NAMES[environment]}`);
  }
  // Another kind of key would be verified by another algorithm than the one the header names.
  if (leaf.publicKey.asymmetricKeyType !== 'rsa') return refused('the certificate has no RSA key');
  if (leaf.ca) return refused('the certificate is an authority, not a leaf');
  const roots = certificates.trustRoots === undefined ? pinnedRoots() : parseRoots(certificates.trustRoots);
  return climb(leaf, parsed.slice(1), roots, certificates);
}

function climb(
  leaf: X509Certificate,
  sent: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  certificates: CertificateLookup,
): Chain {
  let notBefore = leaf.validFromDate.getTime();
  let notAfter = leaf.validToDate.getTime();
  let current = leaf;
  for (let depth = 1; depth < DEPTH_MAX; depth += 1) {
    const root = roots.find((one) => issued(one, current));
    const next = root ?? sent.find((one) => issued(one, current)) ?? fetchedIssuer(current, certificates);
    if (typeof next === 'string') return { kind: 'needs', url: next };
    if (next === undefined) break;
    notBefore = Math.max(notBefore, next.validFromDate.getTime());
    notAfter = Math.min(notAfter, next.validToDate.getTime());
    if (root !== undefined) return { kind: 'trusted', key: leaf.publicKey, notBefore, notAfter };
    current = next;
  }
  return refused('the certificate does not end in one of the pinned roots');
}

/** PayPal may send the leaf alone: its intermediate is published by DigiCert, and proves itself by the root's signature. */
function fetchedIssuer(
  certificate: X509Certificate,
  certificates: CertificateLookup,
): X509Certificate | string | undefined {
  const url = issuerUrl(certificate.infoAccess);
  if (url === undefined) return undefined;
  const pem = certificates.get(url);
  if (pem === undefined) return url;
  return parsePem(pem)?.find((one) => issued(one, certificate));
}

function issued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function parsePem(pem: string): X509Certificate[] | null {
  if (pem.length > PEM_CHARS_MAX) return null;
  try {
    return [...pem.matchAll(PEM_BLOCK)].slice(0, CERTIFICATES_MAX).map(([block]) => new X509Certificate(block));
  } catch {
    // Not a certificate at all: the caller refuses it by name.
    return null;
  }
}

const parsedRoots = new WeakMap<readonly string[], readonly X509Certificate[]>();

function parseRoots(pems: readonly string[]): readonly X509Certificate[] {
  const known = parsedRoots.get(pems);
  if (known !== undefined) return known;
  const roots = pems.flatMap((pem) => parsePem(pem) ?? []);
  parsedRoots.set(pems, roots);
  return roots;
}

function refused(detail: string): Chain {
  return { kind: 'refused', detail };
}
