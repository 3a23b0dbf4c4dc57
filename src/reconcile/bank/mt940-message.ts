import { createHash } from 'node:crypto';
import type { BankEntry, BankFault, BankItem } from '../bank-format.ts';
import { createBalanceProof } from './balance-proof.ts';
import { readAmount } from './bank-amount.ts';
import { contradiction, unreadable } from './bank-fault.ts';
import { calendarDay, type Days, fullYear } from './day.ts';
import { accountText, entryReferences, entryText, isFiller } from './entry-references.ts';
import { type Identities, NAMED_MAX } from './identities.ts';
import { createInterimSum } from './interim.ts';
import { readMt940Details } from './mt940-details.ts';
import { type CalendarDay, type Mt940Line, readMt940Line } from './mt940-entry.ts';
import type { createStatementChain } from './statement-chain.ts';
import type { StatementScopes } from './statement-scopes.ts';

export type Mt940Message = ReturnType<typeof createMt940Message>;
export type Mt940Field = { readonly tag: string; readonly row: number; readonly lines: readonly string[] };

/** What the messages of one file share. */
export type Mt940File = {
  readonly days: Days;
  readonly identities: Identities;
  readonly scopes: StatementScopes;
  readonly chain: ReturnType<typeof createStatementChain>;
  /** Of messages read before. */
  readonly keys: Set<string>;
};

type Balance = { isInterim: boolean; amount: bigint; currency: string; at: number | null; day: string; text: string };

/** Their fields have no place in an MT940. */
const INTERIM_TAGS = new Set(['34F', '13', '13D', '90C', '90D']);
const KEYS_MAX = 100_000;

/** One message: a statement, or a page of one. `type` as its header tells it, if it does. */
export function createMt940Message(
  row: number,
  type: string | null,
  { days, identities, scopes, chain, keys }: Mt940File,
) {
  const proof = createBalanceProof();
  const told = createInterimSum();
  const message = {
    reference: '',
    account: '',
    number: null as number | null,
    page: null as number | null,
    opening: null as Balance | null,
    closing: null as Balance | null,
    isInterim: type === '942' || type === '941',
    interimCurrency: '',
    hasBegun: false,
    scope: 0,
    run: 0,
    hasUnread: false,
  };
  const contents = createHash('sha256');
  let waiting: { row: number; line: Mt940Line; amount: bigint; lines: readonly string[]; details: string[] } | null =
    null;

  function field({ tag, row: at, lines }: Mt940Field): BankItem[] {
    const text = lines.join('').trim();
    if (INTERIM_TAGS.has(tag) && message.opening === null) message.isInterim = true;
    switch (tag) {
      case '20':
        message.reference = text.slice(0, TEXT_MAX);
        return [];
      case '25':
      case '25P':
        message.account = ownAccount(tag === '25P' ? (lines[0] ?? '') : text);
        return [];
      case '28':
      case '28C':
        return sequence(text, at, tag);
      case '34F':
        message.interimCurrency = text.slice(0, 3);
        return [];
      case '60F':
      case '60M':
      case '62F':
      case '62M':
        return [...entryDone(), ...balance(tag, text, at)];
      case '61':
        return [...entryDone(), ...line(lines, at)];
      case '86':
        // Behind the closing balance, or before any line, it is about the statement.
        if (message.closing === null) waiting?.details.push(...lines);
        return [];
      default:
        return [];
    }
  }

  function sequence(text: string, at: number, tag: string): BankFault[] {
    const match = /^(\d+)(?:\/(\d+))?$/.exec(text.replaceAll(' ', ''));
    if (match === null) {
      message.hasUnread = true;
      return [
        unreadable({ row: at, field: `:${tag}:`, value: text }, 'must be the number of the statement, such as 17/1'),
      ];
    }
    // Banks that do not number write 0 every day.
    message.number = wholeNumber(match[1]);
    message.page = wholeNumber(match[2]);
    return [];
  }

  function balance(tag: string, text: string, at: number): BankFault[] {
    const read = readBalance(text, tag.endsWith('M'), days);
    if (read.kind === 'fault') {
      message.hasUnread = true;
      return [unreadable({ row: at, field: `:${tag}:`, value: text }, read.reason)];
    }
    const which = tag.startsWith('60') ? 'opening' : 'closing';
    if (message[which] !== null)
      return [unreadable({ row: at, field: `:${tag}:`, value: text }, `is a second ${which} balance of one statement`)];
    message[which] = read.balance;
    const { amount, currency, at: day } = read.balance;
    if (which === 'opening') proof.opens(currency, { amount, at: day });
    else proof.closes(currency, { amount, at: day });
    return [];
  }

  function line(lines: readonly string[], at: number): BankItem[] {
    const fault = (value: string, reason: string): BankFault[] => {
      message.hasUnread = true;
      return [unreadable({ row: at, field: ':61:', value }, reason)];
    };
    const read = readMt940Line(lines);
    const currency = message.opening?.currency ?? message.interimCurrency;
    const amount = read.kind === 'line' && currency !== '' ? readAmount(read.line.amount, currency) : null;
    if (message.isInterim) {
      const money = read.kind === 'line' && amount?.kind === 'amount' ? amount.value * read.line.direction : null;
      told.add(money === null ? null : { amount: money, currency });
      return [];
    }
    if (message.closing !== null) return fault(lines.join(' '), 'stands behind the closing balance (:62F:)');
    if (read.kind === 'fault') return fault(read.value, read.reason);
    if (amount === null) return fault(lines.join(' '), 'has no opening balance (:60F:) before it, and so no currency');
    if (amount.kind === 'fault') return fault(read.line.amount, amount.reason);
    if (!read.line.expected)
      waiting = { row: at, line: read.line, amount: amount.value * read.line.direction, lines, details: [] };
    return [];
  }

  function entryDone(): BankItem[] {
    if (waiting === null) return [];
    const { row: at, line: read, amount, lines, details } = waiting;
    waiting = null;
    const items: BankItem[] = [];
    const currency = message.opening?.currency ?? '';
    if (!message.hasBegun) items.push(...begun());
    const day = dayText(read.booked ?? read.value);
    const content = [lines, details].map((texts) => texts.join('').replaceAll(/\s+/g, ''));
    contents.update(JSON.stringify(content));
    // Never by :20:, which many banks make anew for each download.
    const identity = isFiller(read.bankReference.trim())
      ? identities.byContent(message.run, message.account, day, [place(), currency, ...content])
      : identities.byReference(message.scope, message.account, read.bankReference.trim(), day, amount, currency);
    if (identity === null)
      return [unreadable({ row: at }, `the file has more than ${NAMED_MAX} entries: ask the bank for shorter periods`)];
    proof.add(currency, amount);
    const information = readMt940Details(details);
    const supplement = accountText(read.supplement);
    // Rabobank has the other side's account in the supplement.
    const isAccount = /^[A-Z]{2}\d{2}[A-Z0-9]{8,30}$/.test(supplement);
    const entry: BankEntry = {
      type: 'entry',
      row: at,
      raw: [`:61:${lines.join('\n')}`, ...(details.length > 0 ? [`:86:${details.join('\n')}`] : [])]
        .join('\n')
        .slice(0, RAW_MAX),
      account: message.account,
      statement: message.reference,
      identity,
      amount,
      currency,
      at: instant(read.booked ?? read.value),
      valueAt: instant(read.value),
      references: entryReferences([read.bankReference, read.customerReference, ...information.references]),
      counterparty: { name: information.name, account: information.account ?? (isAccount ? supplement : null) },
      text: entryText([isAccount ? '' : read.supplement, ...information.texts]),
      reversal: read.reversal,
    };
    return [entry, ...items];
  }

  /** Which of the bank's statements it is, where it numbers them: equal bookings of two are two. */
  const place = (): string | null => (message.number === null ? null : `${message.number}/${message.page ?? 1}`);

  /** At the first entry: what must be known by then. */
  function begun(): BankFault[] {
    const { number, page, opening, account } = message;
    message.hasBegun = true;
    const isFirst = opening?.isInterim !== true && (page ?? 1) === 1;
    message.scope = scopes.statement(account, `${opening?.currency}/${number ?? ''}`, isFirst);
    const { amount = null, at = null, isInterim = false } = opening ?? {};
    message.run = scopes.run(money(), amount, at, isInterim);
    if (account !== '') return [];
    message.hasUnread = true;
    return [unreadable({ row, field: ':25:' }, 'has no account (:25:) before its entries')];
  }

  const money = (): string => JSON.stringify([message.account, message.opening?.currency]);

  /** Whether it came before in this file, as it is or with the same names. */
  function repeated(): BankFault[] {
    const { reference, account, number, page, opening, closing } = message;
    const names = [number ?? 0, page ?? 1, opening?.text ?? ''];
    const own = [
      [account, ...names, 'of', reference],
      [account, ...names, closing?.text ?? '', contents.digest('hex')],
    ].map((parts) => JSON.stringify(parts));
    const isRepeated = own.some((key) => keys.has(key));
    if (keys.size < KEYS_MAX) for (const key of own) keys.add(key);
    const times = { statement: reference, expected: 'once', found: 'twice' };
    return isRepeated ? [contradiction({ row }, 'it is in this file already', times)] : [];
  }

  const instant = ({ year, month, day }: CalendarDay): number =>
    days.at(year, month, day) ?? Date.UTC(year, month - 1, day);

  function end(): BankItem[] {
    const items = entryDone();
    if (message.hasBegun) items.push(...repeated());
    const { reference: statement, account, number, page, opening, closing, hasUnread } = message;
    if (message.isInterim)
      return [
        unreadable(
          { row, field: ':20:', value: statement },
          `is an interim report (MT94${type === '941' ? '1' : '2'}) and no statement: ${told.text()} not imported, because the statement tells them again; hand in the MT940`,
        ),
      ];
    const currency = opening?.currency ?? closing?.currency ?? '';
    if (currency === '')
      return hasUnread
        ? items
        : [...items, unreadable({ row, value: statement }, 'has no balances (:60F:, :62F:), and so no currency')];
    if (account === '' && !hasUnread) items.push(unreadable({ row, field: ':25:' }, 'has no account (:25:)'));
    const year = (closing?.at ?? opening?.at ?? null) === null ? null : Number((closing ?? opening)?.day.slice(0, 4));
    const head = { row, account, statement, number: number === null ? null : { year, value: number }, copy: false };
    const proven = proof.told(head, true);
    if (message.hasBegun)
      scopes.ran(money(), {
        no: message.run,
        from: opening?.at ?? null,
        to: closing?.at ?? null,
        closing: closing?.amount ?? null,
      });
    if (hasUnread) return [...items, ...proven.filter(({ type: kind }) => kind === 'statement')];
    const chained = chain.follow({
      row,
      account,
      currency,
      statement,
      number,
      page,
      isFirst: opening?.isInterim !== true,
      isLast: closing?.isInterim !== true,
      opening: opening?.amount ?? null,
      sum: proof.sum(currency),
      closing: closing?.amount ?? null,
    });
    return [...items, ...proven, ...chained];
  }

  return { field, end };
}

const TEXT_MAX = 140;
const RAW_MAX = 16_384;

/** Null for 0, and for what is a time or a key rather than a number. */
function wholeNumber(text = ''): number | null {
  const value = Number(text);
  return value > 0 && Number.isSafeInteger(value) ? value : null;
}

const dayText = ({ year, month, day }: CalendarDay): string =>
  `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;

/** Some banks write the currency behind the account. */
function ownAccount(text: string): string {
  const account = accountText(text.slice(0, TEXT_MAX));
  return account.replace(/^([A-Z]{2}\d{2}[A-Z0-9]*\d|[\d/ ]*\d) ?[A-Z]{3}$/, '$1');
}

type BalanceRead =
  | { readonly kind: 'balance'; readonly balance: Balance }
  | { readonly kind: 'fault'; readonly reason: string };

/** `C100323EUR42570,04`. Banks that opened an account that day write no date but zeros. */
function readBalance(text: string, isInterim: boolean, days: Days): BalanceRead {
  const match = /^([CD])(\d{6})([A-Z]{3})(.+)$/.exec(text.replaceAll(' ', ''));
  if (match === null)
    return { kind: 'fault', reason: 'must be C or D, day, currency and amount, such as C260301EUR100,00' };
  const [, mark, yymmdd = '', currency = '', amountText = ''] = match;
  const amount = readAmount(amountText, currency);
  if (amount.kind === 'fault') return amount;
  const [year, month, day] = [
    fullYear(Number(yymmdd.slice(0, 2))),
    Number(yymmdd.slice(2, 4)),
    Number(yymmdd.slice(4)),
  ];
  if (yymmdd !== '000000' && calendarDay(year, month, day) === null)
    return { kind: 'fault', reason: 'must have its day as YYMMDD' };
  const at = yymmdd === '000000' ? null : days.at(year, month, day);
  const value = mark === 'D' ? -amount.value : amount.value;
  const balanceDay = at === null ? '' : dayText({ year, month, day });
  return { kind: 'balance', balance: { isInterim, amount: value, currency, at, day: balanceDay, text } };
}
