/**
 * The header PAYPAL-CERT-URL is the sender's to choose, and what it names decides whom we believe: so it must be one of
 * these hosts to the letter, and nothing a URL parser and a reader could understand differently.
 */
const HOSTS: ReadonlyMap<string, PaypalEnvironment> = new Map([
  ['api.paypal.com', 'live'],
  ['api-m.paypal.com', 'live'],
  ['api.sandbox.paypal.com', 'sandbox'],
  ['api-m.sandbox.paypal.com', 'sandbox'],
]);

/** No port, user, query, fragment, backslash, escape, second slash or dot segment has a place in it. */
const URL_SHAPE = /^https:\/\/([a-z.-]{1,64})\/v1\/notifications\/certs\/([A-Za-z0-9_-]{1,200})$/;

export type PaypalEnvironment = 'live' | 'sandbox';

/** The environment whose certificate is under `url`, or null when this is none of PayPal's certificate URLs. */
export function certificateEnvironment(url: string): PaypalEnvironment | null {
  const host = URL_SHAPE.exec(url)?.[1];
  return host === undefined ? null : (HOSTS.get(host) ?? null);
}

/** Where DigiCert publishes its intermediates; the leaf names the file, always with http. */
const ISSUER_HOST = 'cacerts.digicert.com';
const ISSUER_SHAPE = /^CA Issuers - URI:http:\/\/cacerts\.digicert\.com\/([A-Za-z0-9_-]{1,100}\.crt)$/m;

/** The address of a leaf's issuer, from its Authority Information Access, with https; undefined where it is not DigiCert's. */
export function issuerUrl(infoAccess: string | undefined): string | undefined {
  const file = infoAccess === undefined ? undefined : ISSUER_SHAPE.exec(infoAccess)?.[1];
  return file === undefined ? undefined : `https://${ISSUER_HOST}/${file}`;
}

/** Every host a certificate of PayPal's may be fetched from: the egress allow list. */
export const CERTIFICATE_HOSTS: readonly string[] = [...HOSTS.keys(), ISSUER_HOST];
