import { accountText } from './entry-references.ts';

/** What the information to the account owner (:86:) says. */
export type Mt940Details = {
  readonly references: readonly string[];
  readonly texts: readonly string[];
  readonly name: string | null;
  readonly account: string | null;
};

/** Three kinds: German subfields (`?20`, also `~20`, `>20`), SWIFT's code words (`/EREF/`), and free text. */
export function readMt940Details(lines: readonly string[]): Mt940Details {
  const whole = lines.join('').trimStart();
  const mark = GERMAN.exec(whole)?.[1];
  if (mark !== undefined) return germanDetails(whole, mark);
  if (CODE_WORDS.test(whole)) return codedDetails(whole);
  return { references: [], texts: [freeText(lines)], name: null, account: null };
}

const LINE_LENGTH = 65;

/** A full line was cut within a word, a shorter one ended by itself. */
function freeText(lines: readonly string[]): string {
  return lines.reduce(
    (text, line, n) => text + (n > 0 && (lines[n - 1] ?? '').length < LINE_LENGTH ? ' ' : '') + line,
    '',
  );
}

// German banks: transaction code, then subfields, as the DK's annex 3 has them.
const GERMAN = /^\d{0,3} ?([?~>])(?:00|10|2\d|3[0-8]|6[0-3])/;
const SUBFIELD_LENGTH = 27;
const SEPA = /(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC|RTRN|RREF|PURP)\+/;
const SEPA_REFERENCES = new Set(['EREF', 'KREF', 'MREF', 'RREF']);
const PURPOSE = /^(2\d|6[0-3])$/;

function germanDetails(whole: string, mark: string): Mt940Details {
  const pieces = whole.split(new RegExp(`[${mark}](00|10|2\\d|3[0-8]|6[0-3])`));
  const fields = new Map<string, string>();
  let purpose = '';
  let before = '';
  for (let n = 1; n + 1 < pieces.length; n += 2) {
    const [code = '', text = ''] = [pieces[n], pieces[n + 1]];
    if (PURPOSE.test(code)) {
      // A full subfield was cut within a word.
      purpose += purpose === '' || before.length >= SUBFIELD_LENGTH ? text : ` ${text}`;
      before = text;
    } else fields.set(code, (fields.get(code) ?? '') + text);
  }
  const words = purpose.split(SEPA);
  const coded = new Map<string, string>();
  for (let n = 1; n + 1 < words.length; n += 2) coded.set(words[n] ?? '', (words[n + 1] ?? '').trim());
  const remittance = coded.get('SVWZ');
  const account = coded.get('IBAN') ?? fields.get('38') ?? fields.get('31') ?? '';
  const name = `${fields.get('32') ?? ''}${fields.get('33') ?? ''}`;
  return {
    references: [...coded].filter(([word]) => SEPA_REFERENCES.has(word)).map(([, text]) => unspaced(text)),
    // What stands before the first code word is text, too.
    texts: coded.size === 0 ? [purpose] : [words[0] ?? '', remittance ?? ''],
    name: orNull(name),
    account: orNull(accountText(account)),
  };
}

/** References have no blanks: they come from where a subfield of less than its length ended. */
const unspaced = (text: string): string => (text.length <= 40 ? text.replaceAll(' ', '') : text);

const WORDS =
  'EREF|PREF|KREF|MREF|MARF|CSID|CNTP|REMI|BENM|ORDP|NAME|IBAN|BIC|TRTP|ULTD|ULTC|ULTB|PURP|ISDT|RTRN|TRCD|SVCL|ADDR|ACCW|IREF|OCMT|CHGS|EXCH|ORDP|ID';
const CODE_WORDS = new RegExp(`^/(${WORDS})/`);
const CODE_WORD = new RegExp(`/(${WORDS})/`);
const CODED_REFERENCES = ['EREF', 'PREF', 'KREF', 'MREF', 'MARF', 'IREF'];

function codedDetails(whole: string): Mt940Details {
  const pieces = whole.split(CODE_WORD);
  const coded = new Map<string, string>();
  for (let n = 1; n + 1 < pieces.length; n += 2) {
    const [word = '', text = ''] = [pieces[n], pieces[n + 1]];
    if (!coded.has(word) || coded.get(word) === '') coded.set(word, withoutSlashes(text));
  }
  // ING: /CNTP/account/BIC/name/city/
  const [counterAccount = '', , counterName = ''] = (coded.get('CNTP') ?? '').split('/');
  const remittance = coded.get('REMI') ?? '';
  const [, structured] = /^STRD\/(?:CUR|ISO)\/(.*)$/.exec(remittance) ?? [];
  return {
    references: [...CODED_REFERENCES.map((word) => coded.get(word) ?? ''), structured ?? ''],
    texts: [(structured ?? remittance).replace(/^USTD\/\//, '')],
    name: orNull(counterName) ?? orNull(coded.get('NAME') ?? ''),
    account: orNull(accountText(counterAccount)) ?? orNull(accountText(coded.get('IBAN') ?? '')),
  };
}

function withoutSlashes(text: string): string {
  let [from, to] = [0, text.length];
  while (text[from] === '/') from += 1;
  while (to > from && text[to - 1] === '/') to -= 1;
  return text.slice(from, to).trim();
}

const orNull = (text: string): string | null => {
  const words = text.trim().replaceAll(/\s+/g, ' ');
  return words === '' ? null : words;
};
