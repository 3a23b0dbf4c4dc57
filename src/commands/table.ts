export type Column<R> = {
  readonly title: string;
  readonly of: (row: R) => string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
};

const GAP = '  ';

/** Rows as an aligned text, each column as wide as its widest cell. */
export function table<R>(columns: readonly Column<R>[], rows: readonly R[]): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ of }) => oneLine(of(row))))];
  const widths = columns.map((_, n) => Math.max(...cells.map((line) => line[n]?.length ?? 0)));
  return cells
    .map((line) =>
      line
        .map((cell, n) => (columns[n]?.right === true ? cell.padStart(widths[n] ?? 0) : cell.padEnd(widths[n] ?? 0)))
        .join(GAP)
        .trimEnd(),
    )
    .join('\n');
}

/** What a processor or a person wrote must not break the table, nor send escape sequences to a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]+/g;

export function oneLine(text: string): string {
  return text.replace(CONTROL, ' ');
}

/** A time as people read it: to the second, in UTC. */
export function moment(iso: string | null): string {
  return iso === null ? '–' : iso.replace('T', ' ').replace(/(\.\d+)?Z$/, 'Z');
}
