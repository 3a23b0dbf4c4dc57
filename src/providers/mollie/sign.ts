import { hmacSha256 } from '../signature.ts';

/** The headers Mollie would send with this body; without a secret those of a classic webhook, which signs nothing. */
export function sign(request: { readonly body: Buffer }, secret: string): Array<[string, string]> {
  const agent: [string, string] = ['user-agent', 'Mollie HTTP client/1.0'];
  if (secret === '') return [['content-type', 'application/x-www-form-urlencoded'], agent];
  const mac = hmacSha256(secret, request.body).toString('hex');
  return [['content-type', 'application/json; charset=utf-8'], agent, ['x-mollie-signature', `sha256=${mac}`]];
}
