/**
 * A JSON text without the values of some members, wherever they stand: what a report tells of people is not kept. All else keeps
 * its bytes. The text must be JSON.
 */
export function withoutMembers(json: string, names: ReadonlySet<string>): string {
  // Most records have none of them.
  if (![...names].some((name) => json.includes(`"${name}"`))) return json;
  const parts: string[] = [];
  let kept = 0;
  let at = 0;
  while (at < json.length) {
    if (json[at] !== '"') {
      at += 1;
      continue;
    }
    const end = endOfText(json, at);
    const colon = skipBlanks(json, end);
    const isName = json[colon] === ':';
    const name = isName ? String(JSON.parse(json.slice(at, end))) : '';
    at = end;
    if (!isName || !names.has(name)) continue;
    const value = skipBlanks(json, colon + 1);
    at = endOfValue(json, value);
    // What is not there tells nothing of anybody.
    if (json.slice(value, at) === 'null') continue;
    parts.push(json.slice(kept, value), REMOVED);
    kept = at;
  }
  return parts.join('') + json.slice(kept);
}

const REMOVED = '"[removed]"';

function skipBlanks(json: string, from: number): number {
  let at = from;
  while (json[at] === ' ' || json[at] === '\n' || json[at] === '\r' || json[at] === '\t') at += 1;
  return at;
}

/** Behind the quote that ends the text which begins at `from`. */
function endOfText(json: string, from: number): number {
  let at = from + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}

function endOfValue(json: string, from: number): number {
  const first = json[from];
  if (first === '"') return endOfText(json, from);
  let at = from;
  if (first !== '{' && first !== '[') {
    while (at < json.length && !ENDS.has(json[at] ?? '')) at += 1;
    return at;
  }
  let depth = 0;
  do {
    const c = json[at];
    if (c === '"') at = endOfText(json, at) - 1;
    else if (c === '{' || c === '[') depth += 1;
    else if (c === '}' || c === ']') depth -= 1;
    at += 1;
  } while (depth > 0 && at < json.length);
  return at;
}

const ENDS = new Set([',', '}', ']', ' ', '\n', '\r', '\t']);
