import { gunzipSync } from 'node:zlib';
import { hmacSha256 } from '../../src/providers/signature.ts';
import type { RobustnessCase } from './robustness-cases.ts';

/**
 * A case as it would be sent now: where its Stripe signature was right it is made anew, where it was wrong on purpose it
 * stays wrong, under the present time. Other processors sign no time.
 */
export function signedAnew(one: RobustnessCase, nowMs: number): RobustnessCase {
  if (one.provider !== 'stripe') return one;
  const secret = one.secrets[0] ?? '';
  const now = Math.floor(nowMs / 1000);
  return {
    ...one,
    requests: one.requests.map((request) => {
      const gzip = request.headers.some(([name, value]) => name === 'content-encoding' && value === 'gzip');
      const body = gzip ? gunzipSync(request.body) : request.body;
      const mac = (t: string): string => hmacSha256(secret, `${t}.`, body).toString('hex');
      return {
        ...request,
        headers: request.headers.map(([name, value]): readonly [string, string] => {
          if (name !== 'stripe-signature') return [name, value];
          const [, t = '', v1 = ''] = /^t=(\d+),v1=([0-9a-f]+)$/.exec(value) ?? [];
          return [name, `t=${now},v1=${v1 === mac(t) ? mac(String(now)) : v1}`];
        }),
      };
    }),
  };
}
