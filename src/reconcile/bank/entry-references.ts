/** What banks write where there is no reference, or where it only points at another field of the entry. */
const FILLER =
  /^(NOT ?PROVIDED|NOT ?APPLICABLE|NON ?REF|NO ?REF(ERENCE)?|N\/?A|NONE|NULL|UNKNOWN|[EPKM]REF|MARF|REF|.|0*|[-./+*]+)$/i;

const REFERENCES_MAX = 1_000;
const REFERENCE_MAX = 140;

/** An entry's references as they stand, each once, without fillers; those past a thousand (of a batch) are not kept. */
export function entryReferences(references: Iterable<string | null | undefined>): string[] {
  const kept = new Set<string>();
  for (const reference of references) {
    if (kept.size >= REFERENCES_MAX) break;
    const text = reference?.trim().replaceAll(/\s+/g, ' ') ?? '';
    if (!isFiller(text)) kept.add(text.slice(0, REFERENCE_MAX));
  }
  return [...kept];
}

export const isFiller = (text: string): boolean => FILLER.test(text);

const TEXT_MAX = 10_000;
const ACCOUNT = /^([A-Z]{2}\d{2}[A-Z0-9]{8,30})$/;

/** Words with single spaces, at most 10,000 characters; the parts of a text joined by a space. */
export function entryText(parts: Iterable<string | null | undefined>): string {
  let text = '';
  for (const part of parts) {
    const words = part?.trim().replaceAll(/\s+/g, ' ') ?? '';
    if (words !== '') text += text === '' ? words : ` ${words}`;
    if (text.length > TEXT_MAX) return `${text.slice(0, TEXT_MAX)}…`;
  }
  return text;
}

/** An IBAN without spaces; the bank's own number as it stands, words with single spaces. */
export function accountText(account: string): string {
  const squeezed = account.replaceAll(/\s+/g, '').toUpperCase();
  return ACCOUNT.test(squeezed) ? squeezed : account.trim().replaceAll(/\s+/g, ' ');
}
