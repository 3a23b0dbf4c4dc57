const NEEDS_QUOTES = /[",\r\n;]/;

/**
 * A row as it stood, but for the cells that are not among `kept`: reports tell names, addresses and notes of people, which
 * nothing here needs. What is not known to be needed is dropped, so that a column a processor adds tomorrow is as well.
 */
export function rawOf(cells: readonly string[], kept: ReadonlySet<number>, separator = ','): string {
  let raw = '';
  for (let n = 0; n < cells.length; n += 1) {
    if (n > 0) raw += separator;
    const cell = cells[n] ?? '';
    if (cell !== '' && kept.has(n)) raw += quoted(cell);
  }
  return raw;
}

function quoted(cell: string): string {
  return NEEDS_QUOTES.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
