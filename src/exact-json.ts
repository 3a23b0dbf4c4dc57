import { PosternError } from './errors.ts';

/**
 * JSON as payment events need it, for identify, normalise and explain alike: numbers are kept as their source text (a
 * JS number would round 9007199254740993 silently), of duplicate names the last wins as in JSON.parse, nesting is at
 * most 64 deep, and a byte-order mark in front is dropped.
 */
export type Json = string | boolean | null | Json[] | JsonObject;
export type JsonObject = { [name: string]: Json | undefined };

const DEPTH_MAX = 64;

/** @throws PosternError `unreadable_event` when the text is no JSON, is too deep, or holds a lone surrogate. */
export function parseExactJson(body: Buffer | string): Json {
  const text = withoutBom(typeof body === 'string' ? body : body.toString('utf8'));
  assertDepth(text);
  // Postgres would store a lone surrogate as U+FFFD: another text than the one that was signed.
  if (!text.isWellFormed() || /\\u[dD][89a-fA-F]/.test(text)) assertWellFormed(text);
  try {
    return INEXACT.test(text) ? (JSON.parse(text, keepSource) as Json) : numbersAsText(JSON.parse(text));
  } catch (cause) {
    throw new PosternError('unreadable_event', `the body is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Something that may be a number whose text is not what String(number) gives back: 16 digits and more, a fraction, an
 * exponent, -0. A match inside a string only costs time: with a reviver JSON.parse takes six times as long.
 */
const INEXACT = /(?:^|[:,[\s])(?:-?(?:\d{16}|\d+[.eE])|-0)/;

/** In place; the depth is bounded by assertDepth. */
function numbersAsText(value: unknown): Json {
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null) return value as Json;
  // One loop for both: a list's positions are its names.
  const members = value as Record<string, unknown>;
  for (const name in members) {
    const member = members[name];
    if (typeof member === 'number') members[name] = String(member);
    else if (typeof member === 'object' && member !== null) numbersAsText(member);
  }
  return value as Json;
}

function keepSource(_name: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? (context?.source ?? String(value)) : value;
}

export function withoutBom(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** Counts brackets outside strings before parsing, so that hostile nesting never reaches the recursive parser. */
function assertDepth(text: string): void {
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      i = endOfString(text, i + 1);
    } else if (c === 0x7b || c === 0x5b) {
      depth += 1;
      if (depth > DEPTH_MAX)
        throw new PosternError('unreadable_event', `the body nests deeper than ${DEPTH_MAX} levels`);
    } else if (c === 0x7d || c === 0x5d) {
      depth -= 1;
    }
  }
}

function endOfString(text: string, from: number): number {
  let end = text.indexOf('"', from);
  while (end !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

function assertWellFormed(text: string): void {
  let found = !text.isWellFormed();
  try {
    JSON.parse(text, (name, value: unknown) => {
      if (!name.isWellFormed() || (typeof value === 'string' && !value.isWellFormed())) found = true;
      return value;
    });
  } catch (cause) {
    throw new PosternError('unreadable_event', `the body is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (found)
    throw new PosternError(
      'unreadable_event',
      'the body holds a lone surrogate, which no database can store unchanged',
    );
}

/** The member `path` leads to, or undefined where any step is missing. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let here: Json | undefined = value;
  for (const step of path) {
    if (Array.isArray(here)) here = typeof step === 'number' ? here[step] : undefined;
    else if (isObject(here)) here = Object.hasOwn(here, String(step)) ? here[String(step)] : undefined;
    else return undefined;
  }
  return here;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text member, numbers included (their source text); undefined for anything else or when empty. */
export function textAt(value: Json | undefined, ...path: readonly (string | number)[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

export function listAt(value: Json | undefined, ...path: readonly (string | number)[]): Json[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}
