import { isPath } from '../body-paths.ts';
import type { EndpointSettings, SettingFault } from '../provider.ts';
import { holds, type Part, parseTemplate, separators } from './template.ts';

/**
 * How a sender signs, from the endpoint's settings:
 *
 *   { "signature_header": "x-acme-signature", "algorithm": "sha256", "encoding": "hex", "prefix": "sha256=",
 *     "signed": "{timestamp}.{body}", "timestamp_header": "x-acme-timestamp", "timestamp_unit": "s",
 *     "id_path": "event.id", "secret_encoding": "text" }
 *
 * Only `signature_header` has no default. `id_header` stands instead of `id_path` where the body has no id; unless the
 * template holds `{id}`, that id is not signed and counts only together with the content.
 */
export type Scheme = {
  readonly signatureHeader: string;
  readonly algorithm: 'sha256' | 'sha512' | 'sha1';
  readonly encoding: 'hex' | 'base64';
  readonly prefix: string;
  readonly signed: readonly Part[];
  readonly timestamp: { readonly header: string; readonly unit: TimestampUnit } | null;
  readonly id: { readonly header: string } | { readonly path: string };
  readonly secretEncoding: 'text' | 'hex' | 'base64';
};

export type TimestampUnit = 's' | 'ms' | 'iso';

export const SCHEME_SETTINGS = [
  'signature_header',
  'algorithm',
  'encoding',
  'prefix',
  'signed',
  'timestamp_header',
  'timestamp_unit',
  'id_header',
  'id_path',
  'secret_encoding',
] as const;

const HEADER = /^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/;

/** The scheme of settings that pass `schemeFaults`, else null. */
export function readScheme(settings: EndpointSettings): Scheme | null {
  if (schemeFaults(settings).length > 0) return null;
  const { signature_header, algorithm, encoding, prefix, signed, timestamp_header, timestamp_unit } = settings;
  const { id_header, id_path, secret_encoding } = settings;
  const parts = parseTemplate(signed ?? '{body}');
  return {
    signatureHeader: String(signature_header),
    algorithm: (algorithm ?? 'sha256') as Scheme['algorithm'],
    encoding: (encoding ?? 'hex') as Scheme['encoding'],
    prefix: typeof prefix === 'string' ? prefix : '',
    signed: typeof parts === 'string' ? [] : parts,
    timestamp:
      timestamp_header === undefined
        ? null
        : { header: String(timestamp_header), unit: (timestamp_unit ?? 's') as TimestampUnit },
    id: id_header === undefined ? { path: String(id_path ?? 'id') } : { header: String(id_header) },
    secretEncoding: (secret_encoding ?? 'text') as Scheme['secretEncoding'],
  };
}

export function schemeFaults(settings: EndpointSettings): SettingFault[] {
  const faults: SettingFault[] = [];
  const fault = (name: string, message: string): void => void faults.push({ path: `/${name}`, message });
  const choice = (name: string, ...allowed: string[]): void => {
    const value = settings[name];
    if (value !== undefined && !(typeof value === 'string' && allowed.includes(value)))
      fault(name, `must be one of ${allowed.join(', ')}`);
  };
  choice('algorithm', 'sha256', 'sha512', 'sha1');
  choice('encoding', 'hex', 'base64');
  choice('timestamp_unit', 's', 'ms', 'iso');
  choice('secret_encoding', 'text', 'hex', 'base64');
  if (settings.signature_header === undefined)
    fault('signature_header', 'is needed: the header the signature comes in');
  for (const name of ['signature_header', 'timestamp_header', 'id_header'] as const) {
    const value = settings[name];
    if (value !== undefined && !(typeof value === 'string' && HEADER.test(value)))
      fault(name, 'must be the name of a header, in lower case');
  }
  const { prefix, id_path: path, id_header: header } = settings;
  if (prefix !== undefined && !(typeof prefix === 'string' && /^[\x21-\x7e]{1,40}$/.test(prefix)))
    fault('prefix', 'must be what stands before the signature in its header, like sha256=');
  if (path !== undefined && !(isPath(path) && !path.startsWith('=')))
    fault('id_path', 'must be a path into the body, like data.event_id');
  if (path !== undefined && header !== undefined)
    fault('id_header', 'and id_path exclude each other: which is the id?');
  templateFaults(settings, fault);
  return faults;
}

function templateFaults(settings: EndpointSettings, fault: (name: string, message: string) => void): void {
  const { signed, timestamp_header, timestamp_unit: unit, id_header } = settings;
  const parts = parseTemplate(signed ?? '{body}');
  if (typeof parts === 'string') {
    fault('signed', parts);
    return;
  }
  const timed = holds(parts, 'timestamp');
  if (timed && timestamp_header === undefined)
    fault('timestamp_header', 'is needed: signed holds {timestamp}, and no header says which');
  if (!timed && timestamp_header !== undefined)
    fault('timestamp_header', 'proves nothing: signed does not hold {timestamp}, so anybody can change it');
  if (timestamp_header === undefined && unit !== undefined) fault('timestamp_unit', 'needs a timestamp_header');
  if (timestamp_header === undefined && settings.tolerance_s !== undefined)
    fault('tolerance_s', 'needs a signed time: {timestamp} in signed, and a timestamp_header');
  if (holds(parts, 'id') && id_header === undefined)
    fault('id_header', 'is needed: signed holds {id}, and no header says which');
  // Else where the time ends and the body begins would be for the sender of a forged request to choose.
  const inTimes = unit === 'iso' ? /[0-9.:+TZ-]/ : /[0-9]/;
  if (separators(parts, 'timestamp').some(({ edge }) => inTimes.test(edge)))
    fault('signed', 'has a separator next to {timestamp} that can be part of a time');
}
