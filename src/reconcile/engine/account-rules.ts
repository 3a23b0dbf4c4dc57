import type { Endpoint } from '../../endpoints/endpoint.ts';
import type { EndpointSettings, FeeTerm } from '../../providers/provider.ts';
import { inOrder } from '../contract-terms.ts';
import { daysAfter, startOfDay } from './days.ts';

/** By which settings one processor account is judged. */
export type AccountRules = {
  readonly provider: string;
  readonly account: string;
  /** Of the endpoint whose settings they are; null where none names this account. */
  readonly endpointId: number | null;
  readonly marketplace: string | null;
  readonly zone: string;
  readonly settlementDays: number;
  readonly payoutDays: number;
  readonly bankDays: number;
  readonly bankAccount: string | null;
  readonly calendar: 'daily' | 'weekdays' | null;
  /** The first that fits a line holds. */
  readonly feeContract: readonly FeeTerm[];
  /** `2026-03-01`: what moved before has no webhook. */
  readonly liveFrom: string | null;
  /** The processor lists what it sent: a missing webhook can be fetched. */
  readonly lists: boolean;
};

const SETTLEMENT_DAYS = 7;
const PAYOUT_DAYS = 7;
const BANK_DAYS = 5;
/** Card schemes give some 120 days for a dispute's last word; rolling reserves end after 180. */
export const DISPUTE_DAYS = 120;
export const RESERVE_DAYS = 180;

const NAMES = [
  'settlement_mode',
  'live_from',
  'settlement_days',
  'payout_days',
  'bank_days',
  'report_calendar',
  'bank_account',
  'fee_contract',
  'time_zone',
] as const;

/** Several endpoints may share an account: each setting is that of the first that has it. */
export function accountRules(endpoints: readonly Endpoint[], provider: string, account: string): AccountRules {
  const mine = endpoints.filter((one) => one.provider.name === provider && one.account === account);
  const settings: Partial<EndpointSettings> = Object.fromEntries(
    NAMES.flatMap((name) => {
      const value = mine.map((one) => one.settings[name]).find((one) => one !== undefined);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const lists = mine.find(({ provider: { api }, settings: own }) => {
    if (api?.list === undefined || own[api.keySetting] === undefined) return false;
    return (api.list.unlisted?.(own) ?? null) === null;
  });
  return {
    provider,
    account,
    endpointId: (lists ?? mine[0])?.id ?? null,
    marketplace: mine.find((one) => one.settings.marketplace !== undefined)?.settings.marketplace ?? null,
    zone: settings.time_zone ?? 'UTC',
    settlementDays: settings.settlement_days ?? SETTLEMENT_DAYS,
    payoutDays: settings.payout_days ?? PAYOUT_DAYS,
    bankDays: settings.bank_days ?? BANK_DAYS,
    bankAccount: settings.bank_account ?? null,
    calendar: settings.report_calendar ?? null,
    feeContract: inOrder(settings.fee_contract ?? []),
    liveFrom: settings.live_from ?? null,
    lists: lists !== undefined,
  };
}

export type RulesOf = (books: { readonly provider: string; readonly account: string }) => AccountRules;

/** The rules by the endpoints as they are when it is asked. */
export function createRulesOf(endpoints: { all(): readonly Endpoint[] }): RulesOf {
  let of: readonly Endpoint[] = [];
  let rules = new Map<string, AccountRules>();
  return ({ provider, account }) => {
    const now = endpoints.all();
    // The registry makes new ones when it reads: the same ones are the same settings.
    if (now.length !== of.length || now.some((one, n) => one !== of[n])) {
      of = [...now];
      rules = new Map();
    }
    const key = JSON.stringify([provider, account]);
    const known = rules.get(key) ?? accountRules(now, provider, account);
    rules.set(key, known);
    return known;
  };
}

/** The last moment of the day that lies so many days after the one of `at`, in the account's days. */
export const dueAfter = (rules: AccountRules, at: number, days: number): number => daysAfter(at, days + 1, rules.zone);

/** The first moment its webhooks were to come; null: ever. */
export const liveSince = ({ liveFrom, zone }: AccountRules): number | null =>
  liveFrom === null ? null : startOfDay(liveFrom, zone);
