import { SaxesParser } from 'saxes';
import { PosternError } from '../../errors.ts';
import { parseXml } from './xml.ts';

/**
 * The elements `item` right below the root, which must be `root`, each as its own text: an amount must not pass through
 * anything on its way.
 *
 * @throws PosternError `unreadable_event` where the text is no XML, or another answer.
 */
export function xmlSlices(text: string, root: string, item: string): string[] {
  // What follows trusts the text to be XML within bounds.
  const { name } = parseXml(text);
  if (name !== root)
    throw new PosternError('unreadable_event', `the answer is no <${root}> but <${name.slice(0, 60)}>`);
  const slices: string[] = [];
  let depth = 0;
  let start = 0;
  const parser = new SaxesParser({ xmlns: false, position: true });
  parser.on('opentag', () => {
    // In an attribute's value a "<" is never written plainly, so the last one began this element.
    if (depth === 1) start = text.lastIndexOf('<', parser.position - 1);
    depth += 1;
  });
  parser.on('closetag', (closed) => {
    depth -= 1;
    if (depth === 1 && closed.name === item) slices.push(text.slice(start, parser.position));
  });
  parser.write(text).close();
  return slices;
}
