import { TextDecoder } from 'node:util';

const HEAD_BYTES = 256;
const ENCODINGS: ReadonlyMap<string, string> = new Map([
  ['utf-8', 'utf-8'],
  ['utf8', 'utf-8'],
  ['us-ascii', 'utf-8'],
  ['ascii', 'utf-8'],
  ['iso-8859-1', 'windows-1252'],
  ['latin1', 'windows-1252'],
  ['windows-1252', 'windows-1252'],
  ['iso-8859-15', 'iso-8859-15'],
  ['iso-8859-2', 'iso-8859-2'],
  ['windows-1250', 'windows-1250'],
]);

/**
 * An XML file's text, chunk by chunk, in the encoding that its first bytes tell. Bytes that are no character of it become
 * U+FFFD: one wrong umlaut in a name is no reason to refuse the money. @returns the name of an encoding that is not known.
 */
export async function* xmlText(source: AsyncIterable<Uint8Array>): AsyncGenerator<string, string | null> {
  let head: Uint8Array = new Uint8Array();
  let decoder: TextDecoder | undefined;
  for await (const chunk of source) {
    if (decoder !== undefined) {
      yield decoder.decode(chunk, { stream: true });
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < HEAD_BYTES) continue;
    const encoding = encodingOf(head);
    if (encoding.decoder === undefined) return encoding.name;
    decoder = encoding.decoder;
    yield decoder.decode(head, { stream: true });
  }
  if (decoder !== undefined) {
    yield decoder.decode();
    return null;
  }
  const encoding = encodingOf(head);
  if (encoding.decoder === undefined) return encoding.name;
  yield encoding.decoder.decode(head);
  return null;
}

function encodingOf(head: Uint8Array): { name: string; decoder?: TextDecoder } {
  const [first, second] = head;
  const twoBytes =
    (first === 0xff && second === 0xfe) || (first === 0x3c && second === 0)
      ? 'utf-16le'
      : (first === 0xfe && second === 0xff) || (first === 0 && second === 0x3c)
        ? 'utf-16be'
        : null;
  if (twoBytes !== null) return { name: twoBytes, decoder: new TextDecoder(twoBytes) };
  const declaration = /^(?:\u00ef\u00bb\u00bf)?<\?xml[^>]*?\sencoding\s*=\s*["']([\w.-]{1,40})["']/.exec(
    Buffer.from(head.subarray(0, HEAD_BYTES)).toString('latin1'),
  );
  const name = declaration?.[1]?.toLowerCase() ?? 'utf-8';
  const known = ENCODINGS.get(name);
  return known === undefined ? { name } : { name, decoder: new TextDecoder(known) };
}
