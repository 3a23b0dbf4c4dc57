import type { CertificateLookup, EndpointSettings, SettingFault, VerifyContext } from '../provider.ts';

/** In the region of simulated topics, under a name that SNS, whose files are named in hexadecimal, gives no certificate. */
export const SIMULATED_TOPIC = 'arn:aws:sns:us-east-1:000000000000:simulated';
export const SIMULATED_CERTIFICATE_URL =
  'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-simulatedBySomebodyElse.pem';

const PEM_CHARS_MAX = 8_192;

/** The setting `simulated_certificate` of an endpoint that takes simulated traffic: docs/adr/0005-simulated-paypal.md. */
export function simulatedCertificateFaults(settings: EndpointSettings): SettingFault[] {
  const { simulated_certificate: certificate, mode } = settings;
  if (certificate === undefined) return [];
  const path = '/simulated_certificate';
  if (mode !== 'test') return [{ path, message: 'only an endpoint whose mode is test may have one' }];
  return isPem(certificate) ? [] : [{ path, message: 'must be a certificate in PEM' }];
}

/** The certificates this endpoint believes: Amazon's, or the simulated one alone where it is set. */
export function certificatesFor({ settings, certificates }: VerifyContext): CertificateLookup {
  const { simulated_certificate: certificate, mode } = settings;
  if (mode !== 'test' || !isPem(certificate)) return certificates;
  return { get: (url) => (url === SIMULATED_CERTIFICATE_URL ? certificate : undefined) };
}

function isPem(value: unknown): value is string {
  return typeof value === 'string' && value.length <= PEM_CHARS_MAX;
}
