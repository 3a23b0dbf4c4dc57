import { accountText, isFiller } from './entry-references.ts';

export type Bai2Text = {
  readonly references: readonly string[];
  readonly text: readonly string[];
  readonly names: { readonly debtor: string | null; readonly creditor: string | null };
  readonly accounts: { readonly debtor: string | null; readonly creditor: string | null };
};

const TAGGED = /^([A-Z]{4}): ?(.*)$/;
const REFERENCES = new Set(['EREF', 'CREF', 'IREF', 'PREF', 'MREF', 'CHKN']);

/** The text of a 16 record. Some banks (Goldman Sachs, J.P. Morgan) tag each of its continuations: `EREF: 4711`, `DBNM: payer`. */
export function readBai2Text(parts: readonly string[]): Bai2Text {
  const tagged = new Map<string, string>();
  const references: string[] = [];
  const text: string[] = [];
  for (const part of parts) {
    const [, tag, value = ''] = TAGGED.exec(part.trim()) ?? [];
    if (tag === undefined) text.push(part);
    else if (REFERENCES.has(tag)) references.push(value);
    else if (tag === 'REMI') text.push(value);
    else tagged.set(tag, value);
  }
  const of = (tag: string): string | null => {
    const value = tagged.get(tag)?.trim() ?? '';
    return isFiller(value) ? null : value;
  };
  const account = (tag: string): string | null => {
    const value = of(tag);
    return value === null ? null : accountText(value);
  };
  return {
    references,
    text,
    names: { debtor: of('DBNM'), creditor: of('CRNM') },
    accounts: { debtor: account('DACT'), creditor: account('CACT') },
  };
}
