import { PosternError } from '../../errors.ts';

/**
 * An account's path as a name that beancount and hledger both take: `asset:processor_pending:stripe:acct_1` is
 * `Assets:Processor-pending:Stripe:Acct-1`. Beancount wants five roots, and parts that begin with a capital letter or a
 * digit and go on with letters, digits and dashes. Ids come from processors and services, and two paths must never meet in
 * one name, so every step can be taken back:
 *
 * - letters and digits stand for themselves, `_` is `-`, `-` is `--`;
 * - any other character is `-x`, its code point in capital hexadecimal digits, `-` (a blank is `-x20-`), and so is a `_`
 *   before anything but a letter (other than `x`) or a digit, where a dash alone would be read otherwise;
 * - a part's first letter is made a capital. A part that begins otherwise than with a small letter (other than `x`) or a
 *   digit has an `X` before it: `ACME` is `XACME`, `x` is `Xx`, nothing is `X`;
 * - `memo:…` stands under `Equity:Memo`, what was there before an exported period under `Equity:Before`; an account
 *   `equity:memo…` of that name would be `Equity:Xmemo…`.
 */
export function accountName(path: string): string {
  const [root = '', ...parts] = path.split(':');
  const name = ROOTS.get(root);
  if (name === undefined || parts.length === 0) {
    throw new PosternError('internal', `account ${path} is of no type that a journal could name`);
  }
  return [name, ...parts.map((part, n) => partName(part, n === 0 && root === 'equity' && RESERVED.has(part)))].join(
    ':',
  );
}

/** Where the balances from before an exported period come from, where they do not balance by themselves. */
export const BEFORE = 'Equity:Before';

const ROOTS: ReadonlyMap<string, string> = new Map([
  ['asset', 'Assets'],
  ['liability', 'Liabilities'],
  ['equity', 'Equity'],
  ['income', 'Income'],
  ['expense', 'Expenses'],
  ['memo', 'Equity:Memo'],
]);

const RESERVED: ReadonlySet<string> = new Set(['memo', 'before']);

function partName(part: string, isReserved: boolean): string {
  const encoded = part.replace(SPECIAL, (found, plain: string | undefined) => {
    if (found === '-') return '--';
    if (plain !== undefined) return '-';
    return `-x${(found.codePointAt(0) ?? 0).toString(16).toUpperCase()}-`;
  });
  if (isReserved || !/^[a-wyz0-9]/.test(part)) return `X${encoded}`;
  return encoded.slice(0, 1).toUpperCase() + encoded.slice(1);
}

/** A `_` is told from the other dashes by what follows it. */
const SPECIAL = /-|(_)(?=[A-Za-wyz0-9]|$)|[^A-Za-z0-9]/gu;
