import { SaxesParser } from 'saxes';
import { messageOf, PosternError } from '../../errors.ts';
import type { Json } from '../../exact-json.ts';

const CHARS_MAX = 4 * 1024 * 1024;
const DEPTH_MAX = 32;
const ELEMENTS_MAX = 100_000;

type Element = {
  readonly name: string;
  readonly type: string | undefined;
  readonly nil: boolean;
  readonly children: [name: string, value: Json][];
  text: string;
};

/**
 * Braintree's XML as JSON values, the way its libraries read it: `type="array"` is a list, `nil="true"` is null, an
 * element with elements in it is an object, anything else its text. All other types stay text: an amount must not
 * become a number.
 *
 * Read as it streams, and stopped at the first sign of a bomb: a DOCTYPE (the only place entities can be defined) is
 * refused, depth and number of elements are bounded.
 * @throws PosternError `unreadable_event`
 */
export function parseXml(text: string): { readonly name: string; readonly value: Json } {
  if (text.length > CHARS_MAX) throw unreadable(`it is longer than ${CHARS_MAX} characters`);
  const open: Element[] = [];
  let elements = 0;
  let root: { name: string; value: Json } | undefined;

  const parser = new SaxesParser({ xmlns: false, position: false });
  parser.on('doctype', () => {
    throw unreadable('it has a DOCTYPE');
  });
  parser.on('opentag', ({ name, attributes }) => {
    elements += 1;
    if (elements > ELEMENTS_MAX) throw unreadable(`it has more than ${ELEMENTS_MAX} elements`);
    if (open.length >= DEPTH_MAX) throw unreadable(`it nests deeper than ${DEPTH_MAX} levels`);
    open.push({ name, type: attributes.type, nil: attributes.nil === 'true', children: [], text: '' });
  });
  const addText = (more: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += more;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const element = open.pop();
    if (element === undefined) return;
    const value = jsonOf(element);
    const parent = open.at(-1);
    if (parent === undefined) root = { name: element.name, value };
    else parent.children.push([element.name, value]);
  });

  try {
    parser.write(text).close();
  } catch (error) {
    throw error instanceof PosternError ? error : unreadable(messageOf(error), error);
  }
  if (root === undefined) throw unreadable('it has no element');
  return root;
}

function jsonOf({ nil, type, children, text }: Element): Json {
  if (nil) return null;
  if (type === 'array') return children.map(([, value]) => value);
  // Of a name told twice the last counts, as in JSON. fromEntries makes "__proto__" a member like any other.
  return children.length > 0 ? Object.fromEntries(children) : text;
}

function unreadable(detail: string, cause?: unknown): PosternError {
  return new PosternError(
    'unreadable_event',
    `the payload is not XML we read: ${detail.slice(0, 200)}`,
    cause === undefined ? {} : { cause },
  );
}
