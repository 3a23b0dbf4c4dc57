const RAW_MAX = 16_384;

/** An element as one line, without the blanks between its parts: what is kept of an entry as it stood. At most 16 KiB. */
export function createRawXml() {
  let raw = '';
  /** Tags are written when it is known whether they have a text. */
  let pending: string[] = [];

  const add = (text: string): void => {
    if (raw.length <= RAW_MAX) raw += text;
  };

  function open(path: string): void {
    pending.push(nameOf(path));
  }

  function close(path: string, text: string, attributes: Readonly<Record<string, string>>): void {
    const name = nameOf(path);
    const isLeaf = pending.at(-1) === name;
    const parents = isLeaf ? pending.slice(0, -1) : pending;
    pending = [];
    for (const parent of parents) add(`<${parent}>`);
    if (!isLeaf) {
      add(`</${name}>`);
      return;
    }
    const named = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(value)}"`);
    add(`<${name}${named.join('')}>${escaped(text)}</${name}>`);
  }

  return { open, close, text: () => (raw.length > RAW_MAX ? `${raw.slice(0, RAW_MAX)}…` : raw) };
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const escaped = (text: string): string =>
  !/[&<>"]/.test(text)
    ? text
    : text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
