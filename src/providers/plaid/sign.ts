import { createPrivateKey, hash, sign as signBytes } from 'node:crypto';
import type { EndpointSettings } from '../provider.ts';

/**
 * The headers Plaid would send with this body. `privateKey` is a P-256 key as JWK in JSON, with the `kid` under which its
 * public half is known; `now` in unix ms.
 */
export function sign(
  request: { readonly body: Buffer; readonly url: string },
  privateKey: string,
  now: number,
  _settings: EndpointSettings = {},
): Array<[string, string]> {
  const jwk = JSON.parse(privateKey) as Record<string, string>;
  const header = encode({ alg: 'ES256', kid: jwk.kid, typ: 'JWT' });
  const claims = encode({ iat: Math.floor(now / 1000), request_body_sha256: hash('sha256', request.body) });
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  const signed = Buffer.from(`${header}.${claims}`);
  const signature = signBytes('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  return [
    ['content-type', 'application/json'],
    ['plaid-verification', `${header}.${claims}.${signature}`],
  ];
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
