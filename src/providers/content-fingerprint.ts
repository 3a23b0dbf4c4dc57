import { createHash } from 'node:crypto';
import { isObject, type Json, type JsonObject, parseExactJson } from '../exact-json.ts';

/**
 * SHA-256 over what a JSON body says, whatever the order of its members and the blanks between them; `without` names
 * top-level members that are about the delivery and not about the event. A body that is no JSON is its own bytes.
 */
export function contentFingerprint(body: Buffer, without: readonly string[]): Buffer {
  let parsed: Json;
  try {
    parsed = parseExactJson(body);
  } catch {
    // Unreadable to us (a lone surrogate, too deep): then only the same bytes are the same content.
    return createHash('sha256').update(body).digest();
  }
  const content: Json = isObject(parsed) ? omit(parsed, without) : parsed;
  return createHash('sha256').update(canonical(content)).digest();
}

function omit(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

/** Members sorted by name; the depth is bounded by parseExactJson. */
function canonical(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (isObject(value)) {
    const members = Object.keys(value).sort();
    return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}
