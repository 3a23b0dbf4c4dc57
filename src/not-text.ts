const SHOWN = 64;

/** What the first bytes of a file say that it is instead of text, and what to do about it; null: it may be text. */
export function notTextReason(head: Uint8Array): string | null {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, SHOWN));
  const begins = (hex: string): boolean => bytes.toString('hex').startsWith(hex);
  if (begins('504b0304') || begins('504b0506'))
    return 'is an XLSX workbook or a ZIP archive: fetch the report as CSV, or unpack the archive and hand in the file inside';
  if (begins('d0cf11e0')) return 'is an XLS workbook: fetch the report as CSV';
  if (begins('1f8b')) return 'is compressed with gzip: unpack it and hand in the file inside';
  if (begins('25504446')) return 'is a PDF document: fetch the report as CSV';
  if (/^\s*<(!doctype|html)/i.test(bytes.toString('latin1')))
    return 'is a web page, such as a sign-in page saved in its place: fetch the report again';
  return null;
}
