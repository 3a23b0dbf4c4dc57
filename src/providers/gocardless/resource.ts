import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMinor } from '../../money.ts';
import { isoTime } from '../iso-time.ts';
import { type About, references } from '../normalised.ts';

/** One event as the rules read it: it names its resource and says what happened to it, and never how much money it was. */
export type GocardlessEvent = {
  readonly id: string;
  readonly resource: string;
  readonly action: string;
  readonly cause: string;
  /** Unix ms. */
  readonly at: number;
  readonly entry: Json;
};

export function eventOf(entry: Json, receivedAt: number): GocardlessEvent {
  return {
    id: textAt(entry, 'id') ?? '',
    resource: textAt(entry, 'resource_type') ?? '',
    action: textAt(entry, 'action') ?? '',
    cause: textAt(entry, 'details', 'cause') ?? '',
    at: isoTime(textAt(entry, 'created_at')) ?? receivedAt,
    entry,
  };
}

const LINKS = ['payment', 'refund', 'payout', 'mandate', 'subscription', 'outbound_payment', 'creditor'] as const;

/** What the event is about, before anything was fetched. */
export function aboutOf({ entry }: GocardlessEvent): About {
  return {
    references: references(...LINKS.map((kind) => [kind, textAt(entry, 'links', kind)] as const)),
    amount: null,
  };
}

/**
 * A fetched resource's money: whole minor units of ISO 4217, never below zero.
 * @throws PosternError `unreadable_event`, `amount_invalid`, `currency_unknown`
 */
export function moneyAt(resource: Json | undefined, amount = 'amount', currency = 'currency'): Money {
  const text = textAt(resource, amount);
  const code = textAt(resource, currency);
  if (text === undefined || code === undefined) {
    throw new PosternError('unreadable_event', `what GoCardless answered has no ${amount} or ${currency}`);
  }
  if (currencyExponent(code) === undefined) {
    throw new PosternError('currency_unknown', `how many decimals "${code.slice(0, 20)}" has is not known`);
  }
  const value = parseMinor(text);
  if (value < 0n) throw new PosternError('amount_invalid', `an amount of ${value} is below zero`);
  return { amount: value, currency: code };
}

/** An answer about another resource than the one that was asked for posts nothing. @throws PosternError `unreadable_event` */
export function assertAbout(resource: Json | undefined, id: string): void {
  const told = textAt(resource, 'id');
  if (told !== id)
    throw new PosternError('unreadable_event', `asked for ${id}, GoCardless answered about ${told ?? 'nothing'}`);
}
