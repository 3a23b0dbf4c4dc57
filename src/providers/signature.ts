import { createHmac, timingSafeEqual } from 'node:crypto';
import type { WebhookRequest } from './provider.ts';

/** Constant time for equal lengths. `timingSafeEqual` alone throws on other lengths: a short signature would be a 500. */
export function safeEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** HMAC-SHA256 over `parts` in a row; a text is taken as UTF-8, key and parts alike. */
export function hmacSha256(key: string | Buffer, ...parts: readonly (string | Buffer)[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** As hmacSha256, with another hash. */
export function hmac(
  algorithm: 'sha1' | 'sha256' | 'sha512',
  key: string | Buffer,
  ...parts: readonly (string | Buffer)[]
): Buffer {
  const mac = createHmac(algorithm, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** All values of one header (name in lower case), in the order they came: a name that came twice gives two. */
export function headerValues(request: Pick<WebhookRequest, 'headers'>, name: string): string[] {
  const values: string[] = [];
  for (const [header, value] of request.headers) if (header === name) values.push(value);
  return values;
}
