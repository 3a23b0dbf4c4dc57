import { currencyExponent } from '../currency.ts';
import type { EndpointSettings, Provider } from './provider.ts';

/** What is wrong with one of an account's settings for reconciliation, or null. */
export const RECONCILIATION_CHECKS: Readonly<Record<string, (value: unknown) => string | null>> = {
  settlement_mode: (value) => oneOf(value, ['payout', 'batch', 'balance']),
  report_calendar: (value) => oneOf(value, ['daily', 'weekdays']),
  live_from: (value) => (isDay(value) ? null : 'must be a day, such as 2026-03-01'),
  settlement_days: days,
  payout_days: days,
  bank_days: days,
  bank_account: (value) =>
    isText(value, BANK_ACCOUNT_MAX) ? null : `must be 1 to ${BANK_ACCOUNT_MAX} characters, an IBAN without spaces`,
  bank_pattern: (value) =>
    isRecord(value) &&
    Object.keys(value).length > 0 &&
    Object.entries(value).every(([name, part]) => PATTERN_PARTS.includes(name) && isText(part, PATTERN_MAX))
      ? null
      : `must be an object with at least one of ${PATTERN_PARTS.join(', ')}`,
  fee_contract: (value) => {
    if (!Array.isArray(value) || value.length === 0 || value.length > TERMS_MAX)
      return `must be a list of 1 to ${TERMS_MAX} terms`;
    return value.map((term, n) => termFault(term, n)).find((fault) => fault !== null) ?? null;
  },
};

/** These are of one account; webhooks that name theirs would post beside it. Null, or the setting that lacks its account. */
export function withoutAccount(provider: Provider, settings: EndpointSettings): string | null {
  if (provider.namesAccount !== 'always' || settings.account !== undefined || settings.accounts?.length === 1)
    return null;
  return Object.keys(RECONCILIATION_CHECKS).find((name) => settings[name] !== undefined) ?? null;
}

const DAYS_MAX = 366;
const BANK_ACCOUNT_MAX = 64;
const PATTERN_PARTS = ['name', 'account', 'text'];
const PATTERN_MAX = 140;
const TERMS_MAX = 200;
const TERM_PARTS = ['currency', 'payment_method', 'percent', 'fixed', 'minimum', 'from'];

function termFault(term: unknown, n: number): string | null {
  if (!isRecord(term)) return `term ${n + 1} must be an object`;
  const unknown = Object.keys(term).find((name) => !TERM_PARTS.includes(name));
  if (unknown !== undefined) return `term ${n + 1}: no such part: ${unknown}`;
  const { currency, payment_method: method, percent, fixed, minimum, from } = term;
  if (typeof currency !== 'string' || currencyExponent(currency) === undefined)
    return `term ${n + 1}: currency must be an ISO 4217 code`;
  if (method !== undefined && !isText(method, PATTERN_MAX)) return `term ${n + 1}: payment_method must be a text`;
  if (percent === undefined && fixed === undefined) return `term ${n + 1}: percent or fixed is missing`;
  if (percent !== undefined && !(typeof percent === 'string' && /^\d{1,2}(\.\d{1,6})?$/.test(percent)))
    return `term ${n + 1}: percent must be a decimal text, such as "1.4"`;
  for (const [name, amount] of Object.entries({ fixed, minimum }))
    if (amount !== undefined && !(typeof amount === 'string' && /^\d{1,12}$/.test(amount)))
      return `term ${n + 1}: ${name} must be a text of minor units, such as "25"`;
  return from === undefined || isDay(from) ? null : `term ${n + 1}: from must be a day, such as 2026-03-01`;
}

function days(value: unknown): string | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= DAYS_MAX
    ? null
    : `must be a whole number of days from 1 to ${DAYS_MAX}`;
}

function oneOf(value: unknown, allowed: readonly string[]): string | null {
  return typeof value === 'string' && allowed.includes(value) ? null : `must be one of ${allowed.join(', ')}`;
}

function isDay(value: unknown): boolean {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return false;
  const at = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(value);
}

const isText = (value: unknown, max: number): boolean =>
  typeof value === 'string' && value.trim() !== '' && value.length <= max;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
