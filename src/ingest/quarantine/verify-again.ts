import type { CertificateSource } from '../../certificates.ts';
import type { Keyring } from '../../encryption.ts';
import { isCredential } from '../../endpoints/credential-settings.ts';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import type { ActiveSecret, EndpointSettings, Verdict, WebhookRequest } from '../../providers/provider.ts';
import { headersAsSent } from '../stored-headers.ts';
import type { QuarantinedRequest } from './recheck-store.ts';

/** What verifying again stands on. */
export type VerifyAgainParts = {
  readonly keyring: Pick<Keyring, 'isCredential'>;
  readonly certificates: CertificateSource;
  /** What processors call; null: as they called it then. */
  readonly publicUrl: string | null;
};

/**
 * Verifies a quarantined request with these secrets and the endpoint's present settings, at the time at which it was received:
 * what was fresh then is fresh, and what was stale then stays so.
 */
export function verifyAgain(
  stored: QuarantinedRequest,
  endpoint: Endpoint,
  secrets: readonly ActiveSecret[],
  { keyring, certificates, publicUrl }: VerifyAgainParts,
): { readonly request: WebhookRequest; readonly verdict: Verdict } {
  const { provider, settings } = endpoint;
  // `as`: written by us from the same type.
  const headers = JSON.parse(stored.headers) as [string, string][];
  const candidates = [...secrets.map(({ secret }) => secret), ...credentialsOf(settings)];
  const request: WebhookRequest = {
    method: stored.method,
    // The address may be what was mended: some processors sign it.
    url: (publicUrl ?? stored.origin) + stored.path,
    headers: headersAsSent(headers, provider.secretHeaders, candidates, (value, hash) =>
      keyring.isCredential(value, hash),
    ),
    body: stored.body,
    receivedAt: stored.received_at.getTime(),
  };
  const verdict = provider.verify(request, { secrets, settings, now: stored.received_at.getTime(), certificates });
  return { request, verdict };
}

/** The endpoint's credentials as a header would carry them: Checkout.com's token as it is, Adyen's user and password as Basic. */
function credentialsOf(settings: EndpointSettings): string[] {
  return Object.entries(settings)
    .filter(([name]) => isCredential(name))
    .flatMap(([, value]) => {
      if (typeof value === 'string') return [value, `Bearer ${value}`];
      if (typeof value !== 'object' || value === null) return [];
      const user: unknown = Reflect.get(value, 'user');
      const password: unknown = Reflect.get(value, 'password');
      if (typeof user !== 'string' || typeof password !== 'string') return [];
      return [`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`];
    });
}
