// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\\]/.source;

/**
 * Puts texts that a stranger may have written on one line, without surprises: line ends, other control characters, marks that
 * turn the direction of writing, and what `also` names become `\u` and four digits, a backslash becomes two. Whoever reads the
 * result as the inside of a JSON string has the text again.
 */
export function createOneLine(also = ''): (text: string) => string {
  const unsafe = new RegExp(also === '' ? UNSAFE : `${UNSAFE}|[${also.replaceAll(/[\]\\^-]/g, '\\$&')}]`, 'g');
  return (text) => text.replace(unsafe, escaped);
}

const escaped = (char: string): string =>
  char === '\\' ? '\\\\' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
