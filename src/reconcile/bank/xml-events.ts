import { SaxesParser } from 'saxes';

export type XmlHandlers = {
  open(path: string, row: number): void;
  /** `row` is where the element began. */
  close(path: string, text: string, attributes: Readonly<Record<string, string>>, row: number): void;
};

/** Why reading ended: what it is and the line. */
export type XmlFault = { readonly row: number; readonly reason: string };

/** Statements are 15 deep at most; deeper is an attack on the stack of whoever reads it. */
export const DEPTH_MAX = 40;
/** Of one text, comment or tag. */
export const PIECE_MAX = 262_144;
const SLICE = 65_536;

type Element = {
  readonly path: string;
  readonly row: number;
  readonly attributes: Record<string, string>;
  text: string;
};

/**
 * Elements by their path of local names, whatever their namespace: banks send camt with its own, with a prefix, and with none.
 * DOCTYPE is refused, and with it every entity but XML's own five: a statement needs none, and "billion laughs" does.
 */
export function createXmlEvents(handlers: XmlHandlers) {
  const parser = new SaxesParser({ xmlns: false, position: true });
  const elements: Element[] = [];
  let fault: XmlFault | null = null;
  let lastEventAt = 0;
  let lastEventRow = 1;

  const fail = (reason: string, row: number): void => {
    fault ??= { row, reason };
  };
  const piece = (length: number): void => {
    if (length > PIECE_MAX) fail(tooLong, lastEventRow);
    lastEventAt = parser.position;
    lastEventRow = parser.line;
  };

  parser.on('error', (error) =>
    fail(`is no well-formed XML: ${error.message.replace(/^(\d+:\d+: )+/, '')}`, parser.line),
  );
  parser.on('doctype', () => fail(noDoctype, lastEventRow));
  parser.on('comment', (text) => piece(text.length));
  parser.on('processinginstruction', ({ body }) => piece(body.length));
  parser.on('cdata', (text) => told(text));
  parser.on('text', (text) => told(text));
  parser.on('opentag', ({ name, attributes }) => {
    piece(Object.values(attributes).reduce((length, value) => length + value.length, name.length));
    if (fault !== null) return;
    if (elements.length >= DEPTH_MAX) {
      fail(`elements are more than ${DEPTH_MAX} deep`, parser.line);
      return;
    }
    const local = name.slice(name.indexOf(':') + 1);
    const parent = elements.at(-1);
    const path = parent === undefined ? local : `${parent.path}/${local}`;
    // The blanks between a statement's entries are nobody's text, and would grow with them.
    if (parent !== undefined) parent.text = '';
    elements.push({ path, row: parser.line, attributes, text: '' });
    handlers.open(path, parser.line);
  });
  parser.on('closetag', () => {
    piece(0);
    const element = fault === null ? elements.pop() : undefined;
    if (element !== undefined) handlers.close(element.path, element.text.trim(), element.attributes, element.row);
  });

  function told(text: string): void {
    piece(text.length);
    const element = elements.at(-1);
    if (fault !== null || element === undefined) return;
    if (element.text.length + text.length > PIECE_MAX) fail(tooLong, lastEventRow);
    else element.text += text;
  }

  /** Null: go on. */
  function write(text: string): XmlFault | null {
    for (let from = 0; from < text.length && fault === null; from += SLICE) {
      parser.write(text.slice(from, from + SLICE));
      // What the parser gathers until its next event it keeps in memory: a tag or DOCTYPE of a gigabyte would be all there.
      if (parser.position - lastEventAt > PIECE_MAX + SLICE) fail(tooLong, lastEventRow);
    }
    return fault;
  }

  function end(): XmlFault | null {
    if (fault === null) parser.close();
    return fault;
  }

  return { write, end };
}

const tooLong = `holds a text, comment or tag of more than ${PIECE_MAX} characters: it is no statement`;
const noDoctype = 'has a DOCTYPE, which no statement has and which is not read: ask where the file was made';
