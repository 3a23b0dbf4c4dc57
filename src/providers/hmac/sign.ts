import { createHash } from 'node:crypto';
import { PosternError } from '../../errors.ts';
import type { EndpointSettings } from '../provider.ts';
import { hmac } from '../signature.ts';
import { readScheme, type TimestampUnit } from './scheme.ts';

/**
 * The headers a sender of this endpoint's scheme would add; an id in a header is made of the body. `now` in unix ms.
 * @throws PosternError `config_invalid` where the settings name no scheme
 */
export function sign(
  request: { readonly body: Buffer; readonly url: string },
  secret: string,
  now: number,
  settings: EndpointSettings = {},
): Array<[string, string]> {
  const scheme = readScheme(settings);
  if (scheme === null) throw new PosternError('config_invalid', 'the settings do not say how the sender signs');
  const headers: Array<[string, string]> = [['content-type', 'application/json']];
  const fields = { body: request.body, url: request.url, method: 'POST', timestamp: '', id: '' };
  if (scheme.timestamp !== null) {
    fields.timestamp = timeText(now, scheme.timestamp.unit);
    headers.push([scheme.timestamp.header, fields.timestamp]);
  }
  if ('header' in scheme.id) {
    fields.id = createHash('sha256').update(request.body).digest('hex').slice(0, 32);
    headers.push([scheme.id.header, fields.id]);
  }
  const key = scheme.secretEncoding === 'text' ? secret : Buffer.from(secret, scheme.secretEncoding);
  const parts = scheme.signed.map((part) => ('literal' in part ? part.literal : fields[part.field]));
  const mac = hmac(scheme.algorithm, key, ...parts).toString(scheme.encoding);
  return [...headers, [scheme.signatureHeader, scheme.prefix + mac]];
}

function timeText(now: number, unit: TimestampUnit): string {
  if (unit === 'iso') return new Date(now).toISOString();
  return String(unit === 'ms' ? now : Math.floor(now / 1000));
}
