import { PosternError } from '../errors.ts';
import type { WebhookRequest } from '../providers/provider.ts';

const ALWAYS_SECRET = ['authorization', 'cookie', 'proxy-authorization'];
const HEADER_BYTES_MAX = 32 * 1024;

/** Headers as they are stored: the values of credentials as `hmac-sha256:…`, and nothing that Postgres would refuse. */
export function storedHeaders(
  headers: WebhookRequest['headers'],
  secretHeaders: readonly string[],
  hashCredential: (value: string) => string,
): WebhookRequest['headers'] {
  let bytes = 0;
  const kept: [string, string][] = [];
  for (const [name, value] of headers) {
    bytes += name.length + value.length;
    // Node refuses more than this before it gets here; the limit stands for whoever changes Node's.
    if (bytes > HEADER_BYTES_MAX) throw new PosternError('too_large', `headers over ${HEADER_BYTES_MAX} bytes`);
    kept.push([name, isSecret(name, secretHeaders) ? hashCredential(value) : value.replaceAll('\u0000', '\ufffd')]);
  }
  return kept;
}

/**
 * Stored headers as they came, as far as one of the candidates is what came: a credential is not kept in clear, but whether
 * it was this one can be told. One that fits none stays hashed, and no adapter takes a hash for a credential.
 */
export function headersAsSent(
  headers: WebhookRequest['headers'],
  secretHeaders: readonly string[],
  candidates: readonly string[],
  isCredential: (value: string, hash: string) => boolean,
): WebhookRequest['headers'] {
  return headers.map(([name, value]) => {
    if (!isSecret(name, secretHeaders)) return [name, value];
    return [name, candidates.find((candidate) => isCredential(candidate, value)) ?? value];
  });
}

function isSecret(name: string, secretHeaders: readonly string[]): boolean {
  return ALWAYS_SECRET.includes(name) || secretHeaders.includes(name);
}
