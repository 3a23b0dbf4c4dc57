/** Values as Postgres's COPY takes them in its text form: fields apart by tabs, rows by line ends. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: U+0000 is what Postgres keeps in no text
const SPECIAL = /[\\\n\r\t\u0000]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const EACH = /[\\\n\r\t\u0000]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\u0000': '\ufffd',
};

export const COPY_NULL = '\\N';

export function copyText(text: string): string {
  return SPECIAL.test(text) ? text.replace(EACH, (c) => ESCAPES[c] ?? c) : text;
}

export function copyOptional(text: string | undefined | null): string {
  return text === undefined || text === null ? COPY_NULL : copyText(text);
}
