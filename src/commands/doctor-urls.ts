import { type Check, ok } from './doctor-check.ts';
import type { UrlRow } from './doctor-setup-store.ts';

/** Their signatures are over the address as the processor calls it: behind a proxy only PUBLIC_URL knows that. */
const SIGNS_ADDRESS = ['square', 'rfc9421', 'hmac'];
const NAMED_MAX = 20;

export type Probe = (url: string) => Promise<string | null>;

/** Where processors are told to call: whether that is an address they can, and the one they sign. */
export async function webhookUrlsCheck(
  rows: readonly UrlRow[],
  { publicUrl, probe }: { publicUrl: string | null; probe: Probe },
): Promise<Check> {
  const name = 'webhook_urls';
  if (rows.length === 0)
    return {
      name,
      status: 'info',
      found: 'there is no endpoint yet',
      mend: 'npx postern endpoint add stripe main --secret -',
    };
  if (publicUrl === null) {
    const signing = rows.filter((row) => SIGNS_ADDRESS.includes(row.provider) && row.notification_url === null);
    const found = 'PUBLIC_URL is not set: the address shown for endpoints is the one a request names';
    return signing.length === 0
      ? { name, status: 'info', found, mend: 'set PUBLIC_URL to what processors call, such as https://pay.example' }
      : {
          name,
          status: 'warning',
          found: `${found}; ${listed(signing)} sign that address`,
          mend: 'set PUBLIC_URL to what processors call: behind a proxy their signatures fail without it',
        };
  }
  const { protocol, hostname } = new URL(publicUrl);
  if (protocol !== 'https:' && !['localhost', '127.0.0.1', '[::1]'].includes(hostname))
    return {
      name,
      status: 'warning',
      found: `PUBLIC_URL is ${publicUrl}: without TLS, and most processors refuse such an address`,
      mend: 'end TLS in front of the gateway, and set PUBLIC_URL to the https address',
    };
  const other = rows.filter(
    (row) => row.notification_url !== null && row.notification_url !== addressOf(row, publicUrl),
  );
  if (other.length > 0)
    return {
      name,
      status: 'warning',
      found: `notification_url differs from the address here: ${other
        .slice(0, NAMED_MAX)
        .map((row) => `${row.provider}/${row.name} has ${row.notification_url}`)
        .join('; ')}`,
      mend: `right only where the processor really calls that address; else set it to ${publicUrl}/webhooks/…`,
    };
  const failure = await probe(`${publicUrl}/api/v1/health`);
  if (failure !== null)
    return {
      name,
      status: 'warning',
      found: `${publicUrl} does not answer from here: ${failure}`,
      mend: 'is the gateway running, and does the proxy in front pass /webhooks and /api/v1/health on to it? (Some networks reach their own public address only from outside.)',
    };
  return ok(name, `${rows.length} under ${publicUrl}/webhooks, which answers`);
}

const addressOf = ({ provider, name }: UrlRow, publicUrl: string): string =>
  `${publicUrl}/webhooks/${provider}/${name}`;
const listed = (rows: readonly UrlRow[]): string =>
  rows
    .slice(0, NAMED_MAX)
    .map(({ provider, name }) => `${provider}/${name}`)
    .join(', ');

const PROBE_MS = 3_000;

/** Null where it answers as a gateway does. */
export const probeHealth: Probe = async (url) => {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(PROBE_MS) });
    const text = (await response.text()).slice(0, 200);
    return response.ok && text.includes('"status":"ok"') ? null : `${response.status}, and no gateway's answer`;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error ? cause.message : String(cause);
  }
};
