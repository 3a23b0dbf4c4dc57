/** What a spreadsheet would run as a formula begins with an apostrophe instead; and so does what begins with one. */
const RUNS = /^(\s*[=+\-@＝＋－＠]|[\s'])/u;

/** A value as a cell of RFC 4180. */
export function csvCell(text: string): string {
  const safe = RUNS.test(text) ? `'${text}` : text;
  return /[",\r\n;']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
