import { isUtf8 } from 'node:buffer';
import { PosternError } from './errors.ts';
import { parseExactJson } from './exact-json.ts';

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [BRACE, BRACE_END, BRACKET, BRACKET_END] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * The elements of the list under a member of a JSON object, each as its own bytes. Parsed and written anew an amount
 * beyond 2^53 or a `1.10` would be another one, and an event would not be the one that its webhook brought.
 *
 * @throws PosternError `unreadable_event` where the text is no JSON object, or the member no list.
 */
export function listSlices(body: Buffer, member: string): Buffer[] {
  const list = memberSlice(body, member);
  if (list === undefined || list[0] !== BRACKET)
    throw new PosternError('unreadable_event', `the answer has no list "${member}"`);
  const elements: Buffer[] = [];
  let from = skipBlanks(list, 1);
  while (list[from] !== BRACKET_END) {
    const end = endOfValue(list, from);
    elements.push(list.subarray(from, end));
    from = skipBlanks(list, end);
    if (list[from] === COMMA) from = skipBlanks(list, from + 1);
  }
  return elements;
}

/** The bytes of one member's value, or undefined where there is none. Of a repeated name the last counts, as in JSON.parse. */
export function memberSlice(body: Buffer, member: string): Buffer | undefined {
  // What follows trusts the text to be JSON, and not too deep.
  parseExactJson(body);
  if (!isUtf8(body)) throw new PosternError('unreadable_event', 'the answer is not UTF-8');
  const start = skipBlanks(body, body.subarray(0, 3).equals(BOM) ? 3 : 0);
  if (body[start] !== BRACE) throw new PosternError('unreadable_event', 'the answer is no JSON object');
  let found: Buffer | undefined;
  let from = skipBlanks(body, start + 1);
  while (body[from] !== BRACE_END) {
    const nameEnd = endOfText(body, from);
    const name: unknown = JSON.parse(body.toString('utf8', from, nameEnd));
    const colon = skipBlanks(body, nameEnd);
    if (body[colon] !== COLON) throw new PosternError('internal', 'a member without a colon');
    from = skipBlanks(body, colon + 1);
    const end = endOfValue(body, from);
    if (name === member) found = body.subarray(from, end);
    from = skipBlanks(body, end);
    if (body[from] === COMMA) from = skipBlanks(body, from + 1);
  }
  return found;
}

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

function skipBlanks(json: Buffer, from: number): number {
  let at = from;
  while (json[at] === 0x20 || json[at] === 0x0a || json[at] === 0x0d || json[at] === 0x09) at += 1;
  return at;
}

function endOfText(json: Buffer, from: number): number {
  let at = from + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

function endOfValue(json: Buffer, from: number): number {
  const first = json[from];
  if (first === QUOTE) return endOfText(json, from);
  let at = from;
  if (first !== BRACE && first !== BRACKET) {
    while (at < json.length && !ENDS.has(json[at] ?? 0)) at += 1;
    return at;
  }
  let depth = 0;
  do {
    const c = json[at];
    if (c === QUOTE) at = endOfText(json, at) - 1;
    else if (c === BRACE || c === BRACKET) depth += 1;
    else if (c === BRACE_END || c === BRACKET_END) depth -= 1;
    at += 1;
  } while (depth > 0 && at < json.length);
  return at;
}

const ENDS = new Set([COMMA, BRACE_END, BRACKET_END, 0x20, 0x0a, 0x0d, 0x09]);
