import type { CertificateLookup, EndpointSettings, SettingFault, VerifyContext } from '../provider.ts';

/** Where the simulated certificate is said to be; nothing is ever fetched from there for it. */
export const SIMULATED_CERTIFICATE_URL = 'https://api.sandbox.paypal.com/v1/notifications/certs/CERT-simulated';

/**
 * The setting `simulated_authority` of an endpoint that takes simulated traffic: a root of our own and the certificate it
 * issued, believed by this endpoint alone, under one URL alone. In test mode only: whoever holds the key could else have
 * live money posted.
 */
type SimulatedAuthority = { readonly root: string; readonly certificate: string };

const PEM_CHARS_MAX = 8_192;
const lookups = new WeakMap<EndpointSettings, CertificateLookup>();

export function simulatedAuthorityFaults(settings: EndpointSettings): SettingFault[] {
  const { simulated_authority: authority, mode } = settings;
  if (authority === undefined) return [];
  const path = '/simulated_authority';
  if (mode !== 'test') return [{ path, message: 'only an endpoint whose mode is test may have one' }];
  return isAuthority(authority) ? [] : [{ path, message: 'must be {"root": PEM, "certificate": PEM}' }];
}

/** The certificates this endpoint believes: PayPal's, or the simulated one where it is set. */
export function certificatesFor({ settings, certificates }: VerifyContext): CertificateLookup {
  const { simulated_authority: authority, mode } = settings;
  if (mode !== 'test' || !isAuthority(authority)) return certificates;
  const known = lookups.get(settings);
  if (known !== undefined) return known;
  const lookup: CertificateLookup = {
    get: (url) => (url === SIMULATED_CERTIFICATE_URL ? authority.certificate : undefined),
    trustRoots: [authority.root],
  };
  lookups.set(settings, lookup);
  return lookup;
}

function isAuthority(value: unknown): value is SimulatedAuthority {
  if (typeof value !== 'object' || value === null || !('root' in value) || !('certificate' in value)) return false;
  return [value.root, value.certificate].every((pem) => typeof pem === 'string' && pem.length <= PEM_CHARS_MAX);
}
