import type { WebhookRequest } from '../provider.ts';
import { headerValues } from '../signature.ts';
import { type InnerList, type Item, serialiseInnerList, serialiseItem } from './structured-fields.ts';

/**
 * The text that is signed (RFC 9421, 2.5): one line for each covered component, then what covers it. A component we do
 * not build exactly is refused and never left out. @returns the text, or in words why there is none
 */
export function signatureBase(request: WebhookRequest, covered: InnerList): { base: string } | { fault: string } {
  const lines: string[] = [];
  const seen = new Set<string>();
  for (const component of covered.list) {
    const identifier = serialiseItem(component);
    // 2.5: each component may be covered once only.
    if (seen.has(identifier)) return { fault: `${identifier} is covered twice` };
    seen.add(identifier);
    const value = componentValue(request, component);
    if (value === undefined) return { fault: `${identifier} is not in the request, or is not a component we know` };
    if (!printable(value)) return { fault: `${identifier} has other characters than ASCII` };
    lines.push(`${identifier}: ${value}`);
  }
  return { base: [...lines, `"@signature-params": ${serialiseInnerList(covered)}`].join('\n') };
}

/** RFC 9421, 2.1 and 2.2; parameters (`sf`, `key`, `bs`, `req`, `tr`, `name`) would each mean another value. */
function componentValue(request: WebhookRequest, { item, parameters }: Item): string | undefined {
  if (item.kind !== 'text' || parameters.size > 0) return undefined;
  if (!item.value.startsWith('@')) return fieldValue(request, item.value);
  const url = parts(request.url);
  switch (item.value) {
    case '@method':
      return request.method;
    case '@target-uri':
      return request.url;
    case '@scheme':
      return url?.scheme;
    case '@authority':
      return url?.authority;
    case '@path':
      return url?.path;
    case '@query':
      return url?.query;
    case '@request-target':
      return url?.target;
    default:
      return undefined;
  }
}

/** Several lines of one field are one list. A component's name is in lower case; any other names no field. */
function fieldValue(request: WebhookRequest, name: string): string | undefined {
  const values = headerValues(request, name);
  return values.length === 0 || name !== name.toLowerCase()
    ? undefined
    : values.map((value) => value.trim()).join(', ');
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: ':80', https: ':443' };

type UrlParts = Readonly<Record<'scheme' | 'authority' | 'target' | 'path' | 'query', string>>;

/** Cut, not parsed: a URL class would tidy up the path that was signed. */
function parts(url: string): UrlParts | undefined {
  const colon = url.indexOf('://');
  if (colon === -1) return undefined;
  const scheme = url.slice(0, colon).toLowerCase();
  const rest = url.slice(colon + 3);
  const slash = rest.indexOf('/');
  const host = (slash === -1 ? rest : rest.slice(0, slash)).toLowerCase();
  const port = DEFAULT_PORTS[scheme];
  const authority = port !== undefined && host.endsWith(port) ? host.slice(0, -port.length) : host;
  const target = slash === -1 ? '/' : rest.slice(slash);
  const mark = target.indexOf('?');
  return {
    scheme,
    authority,
    target,
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? '?' : target.slice(mark),
  };
}

/** A line break in a value would be a component of the attacker's own. */
function printable(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code > 0x7e) return false;
  }
  return true;
}
