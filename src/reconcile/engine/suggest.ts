import { draftsOf } from '../../ledger/rules.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import type { Sql } from '../../postgres/sql.ts';
import type { AccountRules, RulesOf } from './account-rules.ts';
import { eventsAbout, namedId } from './around-store.ts';
import { correctionsFor } from './correction.ts';
import type { Found, SuggestedAction } from './discrepancy-store.ts';
import type { ItemAccount } from './items.ts';
import type { Item } from './look-around.ts';
import type { DiscrepancyClass, ItemClass } from './verdict.ts';

type Named = { readonly item: Item; readonly found: Found };

/** What a person may do about each class where nothing can be posted or fetched. */
const ADVICE: Readonly<Record<ItemClass, string>> & Partial<Readonly<Record<DiscrepancyClass, string>>> = {
  wrong_account: 'move_to_account',
  currency_mismatch: 'ask_processor',
  status_mismatch: 'ask_processor',
  direction_mismatch: 'ask_processor',
  duplicate_in_settlement: 'claim_back',
  duplicate_in_ledger: 'reverse_duplicate',
  missing_in_ledger: 'ask_processor',
  missing_in_settlement: 'ask_processor',
  split_incomplete: 'ask_processor',
  amount_mismatch: 'explain',
  fee_mismatch: 'explain',
  missing_file: 'import_file',
  missing_payout: 'ask_processor',
  proof_failed: 'import_file_again',
  roll_forward_break: 'import_file_again',
  payout_total_mismatch: 'ask_processor',
  bank_amount_mismatch: 'ask_bank',
  payout_reversed: 'ask_bank',
  payout_not_in_bank: 'import_statement',
  unidentified_bank_credit: 'allocate',
  refund_not_sent: 'ask_processor',
  dispute_stale: 'ask_processor',
  reserve_overdue: 'ask_processor',
  unknown_kind: 'classify',
};

/** Adds the cause of what no webhook told, and to everything what could be done about it, with its postings where there are some. */
export async function withAdvice(
  sql: Sql,
  named: readonly Named[],
  { rulesOf }: { readonly rulesOf: RulesOf },
): Promise<Found[]> {
  const untold = named.filter(({ found }) => found.class === 'missing_in_ledger').map(({ item }) => item.facts);
  const events = await eventsAbout(sql, untold);
  const corrections = await correctionsFor(sql, untold);
  return named.map(({ item, found }): Found => {
    const advice = ADVICE[found.class] ?? 'review';
    if (found.class !== 'missing_in_ledger') return { ...found, suggested: { action: advice, postings: [] } };
    const id = namedId(item.facts);
    const event = events.get(id);
    const rules = rulesOf(item.account);
    const postings = postingsOf(item.account, rules, corrections.get(id) ?? []);
    const { cause, action } = causeOf(event, rules, postings.length > 0, advice);
    return {
      ...found,
      cause,
      evidence: event === undefined ? found.evidence : { ...found.evidence, event: event.id },
      suggested: { action, postings },
    };
  });
}

function causeOf(
  event: { readonly status: string } | undefined,
  rules: AccountRules,
  canCorrect: boolean,
  otherwise: string,
): { readonly cause: string; readonly action: string } {
  if (event === undefined)
    return {
      cause: 'never_received',
      action: rules.lists ? 'fetch_event' : canCorrect ? 'post_correction' : otherwise,
    };
  if (event.status === 'dead' || event.status === 'deferred')
    return { cause: 'dead_or_parked', action: 'replay_event' };
  return { cause: 'unknown', action: canCorrect ? 'post_correction' : otherwise };
}

function postingsOf(
  { provider, account }: ItemAccount,
  { marketplace }: AccountRules,
  events: readonly PaymentEvent[],
): SuggestedAction['postings'] {
  const legs = events
    .flatMap((event) => draftsOf(event, { provider, account, marketplace }))
    .flatMap((one) => one.legs);
  return legs.map((leg) => ({
    account: leg.account.path,
    direction: leg.amount > 0n ? 'debit' : 'credit',
    amount: String(leg.amount < 0n ? -leg.amount : leg.amount),
    currency: leg.currency,
    reference: leg.reference,
    component: leg.component,
  }));
}
