/*
 * Structured fields (RFC 9651), as far as signatures need them: a dictionary whose members are items or inner lists.
 * Read strictly, and one character at a time: no regular expression looks at what a stranger wrote. A member that comes
 * twice is a fault, where the RFC lets the last one win: of two signatures under one label an attacker would pick.
 */
export type BareItem =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'token'; readonly value: string }
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'bytes'; readonly value: Buffer }
  | { readonly kind: 'boolean'; readonly value: boolean };

export type Parameters = ReadonlyMap<string, BareItem>;
export type Item = { readonly item: BareItem; readonly parameters: Parameters };
export type InnerList = { readonly list: readonly Item[]; readonly parameters: Parameters };
export type Dictionary = ReadonlyMap<string, Item | InnerList>;

const MEMBERS_MAX = 64;
const INTEGER_DIGITS_MAX = 15;
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';
const KEY_FIRST = `${LOWER}*`;
const KEY = `${LOWER}${DIGITS}_-.*`;
const TOKEN_FIRST = `${LOWER}${LOWER.toUpperCase()}*`;
const TOKEN = `${LOWER}${LOWER.toUpperCase()}${DIGITS}!#$%&'*+-.^_\`|~:/`;

/** Null where the text is no dictionary, has a member twice, or more than 64 of anything. */
export function parseDictionary(text: string): Dictionary | null {
  const reader = createReader(text.replaceAll('\t', ' '));
  const members = new Map<string, Item | InnerList>();
  reader.blanks();
  while (!reader.ended()) {
    const key = reader.key();
    if (key === null || members.has(key) || members.size >= MEMBERS_MAX) return null;
    const member = reader.take('=') ? reader.member() : reader.flag();
    if (member === null) return null;
    members.set(key, member);
    reader.blanks();
    if (reader.ended()) return members;
    if (!reader.take(',')) return null;
    reader.blanks();
    if (reader.ended()) return null;
  }
  return members;
}

type Reader = {
  ended(): boolean;
  take(character: string): boolean;
  blanks(): void;
  key(): string | null;
  member(): Item | InnerList | null;
  flag(): Item | null;
};

function createReader(text: string): Reader {
  let at = 0;
  const ended = (): boolean => at >= text.length;
  const peek = (): string => text.charAt(at);
  const take = (character: string): boolean => {
    if (peek() !== character) return false;
    at += 1;
    return true;
  };
  const blanks = (): void => {
    while (peek() === ' ') at += 1;
  };
  const run = (alphabet: string): string => {
    const from = at;
    while (!ended() && alphabet.includes(peek())) at += 1;
    return text.slice(from, at);
  };
  const key = (): string | null => (!ended() && KEY_FIRST.includes(peek()) ? run(KEY) : null);

  const quoted = (): BareItem | null => {
    let value = '';
    while (!ended()) {
      const character = text.charAt(at++);
      if (character === '"') return { kind: 'text', value };
      if (character < ' ' || character > '~') return null;
      if (character !== '\\') value += character;
      else if (peek() === '"' || peek() === '\\') value += text.charAt(at++);
      else return null;
    }
    return null;
  };
  const bytes = (): BareItem | null => {
    const end = text.indexOf(':', at);
    if (end === -1) return null;
    const encoded = text.slice(at, end);
    at = end + 1;
    const value = Buffer.from(encoded, 'base64');
    return value.toString('base64') === encoded ? { kind: 'bytes', value } : null;
  };
  const integer = (): BareItem | null => {
    const sign = take('-') ? -1 : 1;
    const digits = run(DIGITS);
    if (digits === '' || digits.length > INTEGER_DIGITS_MAX || peek() === '.') return null;
    return { kind: 'integer', value: sign * Number(digits) };
  };
  const bareItem = (): BareItem | null => {
    if (take('"')) return quoted();
    if (take(':')) return bytes();
    if (take('?')) {
      if (take('1')) return { kind: 'boolean', value: true };
      return take('0') ? { kind: 'boolean', value: false } : null;
    }
    if (peek() !== '' && `-${DIGITS}`.includes(peek())) return integer();
    return peek() !== '' && TOKEN_FIRST.includes(peek()) ? { kind: 'token', value: run(TOKEN) } : null;
  };
  const parameters = (): Parameters | null => {
    const found = new Map<string, BareItem>();
    while (take(';')) {
      blanks();
      const name = key();
      if (name === null || found.has(name) || found.size >= MEMBERS_MAX) return null;
      const value: BareItem | null = take('=') ? bareItem() : { kind: 'boolean', value: true };
      if (value === null) return null;
      found.set(name, value);
    }
    return found;
  };
  const item = (): Item | null => {
    const value = bareItem();
    const with_ = value === null ? null : parameters();
    return value === null || with_ === null ? null : { item: value, parameters: with_ };
  };
  const innerList = (): InnerList | null => {
    const list: Item[] = [];
    for (;;) {
      blanks();
      if (take(')')) break;
      const one = item();
      if (one === null || list.length >= MEMBERS_MAX || (peek() !== ' ' && peek() !== ')')) return null;
      list.push(one);
    }
    const with_ = parameters();
    return with_ === null ? null : { list, parameters: with_ };
  };
  const flag = (): Item | null => {
    const with_ = parameters();
    return with_ === null ? null : { item: { kind: 'boolean', value: true }, parameters: with_ };
  };
  return { ended, take, blanks, key, flag, member: () => (take('(') ? innerList() : item()) };
}

/** The one way to write it down again: what is signed is this, not what the header looked like. */
export function serialiseInnerList({ list, parameters }: InnerList): string {
  return `(${list.map(serialiseItem).join(' ')})${serialiseParameters(parameters)}`;
}

export function serialiseItem({ item, parameters }: Item): string {
  return serialiseBare(item) + serialiseParameters(parameters);
}

function serialiseParameters(parameters: Parameters): string {
  return [...parameters]
    .map(([name, value]) => (value.kind === 'boolean' && value.value ? `;${name}` : `;${name}=${serialiseBare(value)}`))
    .join('');
}

function serialiseBare(item: BareItem): string {
  switch (item.kind) {
    case 'text':
      return `"${item.value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
    case 'bytes':
      return `:${item.value.toString('base64')}:`;
    case 'boolean':
      return item.value ? '?1' : '?0';
    case 'token':
    case 'integer':
      return String(item.value);
  }
}
