import { currencyExponent } from '../currency.ts';
import { assertNever, PosternError } from '../errors.ts';
import { type Json, parseExactJson, textAt } from '../exact-json.ts';
import { parseMajor, parseMinor } from '../money.ts';
import type { PaymentEvent } from '../payment-event.ts';
import { follow, readTime, steps } from './body-paths.ts';
import { type MappedKind, type MappingRule, readMapping } from './mapping.ts';
import type { EndpointSettings, Normalised, ObjectReference, ReceivedEvent } from './provider.ts';

/** What the endpoint's mapping says the event means; without a mapping, or a rule for its type, the event is parked. */
export function normaliseMapped(received: ReceivedEvent, settings: EndpointSettings): Normalised {
  const body = parseExactJson(received.body);
  const mapping = readMapping(settings);
  if (mapping === undefined)
    return parked([], 'adapter', 'the endpoint has no mapping that tells what its events mean');
  const type = textAt(body, ...steps(mapping.type_path ?? 'type')) ?? received.type;
  const rules = mapping.rules.filter((rule) => rule.when === type);
  const references = rules.flatMap((rule) => referencesOf(body, rule));
  if (rules.length === 0) return parked([], 'adapter', `the mapping has no rule for the type "${type.slice(0, 80)}"`);
  const moving = rules.filter((rule) => rule.kind !== 'no_effect');
  if (moving.length === 0) {
    return {
      kind: 'no_effect',
      reason: rules[0]?.reason ?? 'the mapping says that it moves no money',
      references,
      amount: null,
    };
  }
  try {
    const effects = moving.flatMap((rule) => effectsOf(body, rule, received.receivedAt));
    const first = effects.find((effect) => 'amount' in effect);
    const amount = first === undefined ? null : { amount: first.amount, currency: first.currency };
    return { kind: 'effects', effects, references, amount };
  } catch (error) {
    if (!(error instanceof PosternError) || error.code !== 'currency_unknown') throw error;
    return parked(references, 'currency', error.message);
  }
}

function parked(
  references: readonly ObjectReference[],
  waitingFor: 'adapter' | 'currency',
  reason: string,
): Normalised {
  return { kind: 'deferred', waitingFor, until: null, reason, references, amount: null };
}

/** The rule's effect, behind those it implies: a refund that failed was created and succeeded. @see ledger.md */
function effectsOf(body: Json, rule: MappingRule, receivedAt: number): PaymentEvent[] {
  const kind = rule.kind;
  switch (kind) {
    case 'no_effect':
      return [];
    case 'refund.succeeded':
      return stages(body, rule, receivedAt, ['refund.created', kind]);
    case 'refund.failed':
      return stages(body, rule, receivedAt, ['refund.created', 'refund.succeeded', kind]);
    case 'payment.reversed':
      return stages(body, rule, receivedAt, ['payment.captured', kind]);
    case 'payout.failed':
    case 'payout.cancelled':
    case 'payout.returned':
      return stages(body, rule, receivedAt, ['payout.created', kind]);
    default:
      return stages(body, rule, receivedAt, [kind]);
  }
}

function stages(body: Json, rule: MappingRule, receivedAt: number, kinds: readonly MappedKind[]): PaymentEvent[] {
  return kinds.map((kind) => effectOf(body, rule, kind, receivedAt));
}

function effectOf(body: Json, rule: MappingRule, kind: MappedKind, receivedAt: number): PaymentEvent {
  const id = needed(body, rule, 'id');
  const currency = needed(body, rule, 'currency').toUpperCase();
  const exponent = currencyExponent(currency);
  if (exponent === undefined)
    throw new PosternError('currency_unknown', `"${currency.slice(0, 16)}" is no currency of ISO 4217`);
  const at =
    readTime(rule.at === undefined ? undefined : follow(body, rule.at)) ??
    readTime(textAt(body, 'timestamp')) ??
    receivedAt;
  const base = { key: `${keyOf(body, rule, kind) ?? id}:${kind.slice(kind.indexOf('.') + 1)}`, at, currency };
  const amount = (): bigint => {
    const text = needed(body, rule, 'amount');
    return rule.unit === 'major' ? parseMajor(text, exponent) : parseMinor(text);
  };
  switch (kind) {
    case 'payment.authorised':
    case 'payment.captured':
    case 'payment.reversed':
      return { type: kind, ...base, payment: id, amount: amount() };
    case 'payment.failed':
    case 'payment.cancelled':
      return { type: kind, ...base, payment: id };
    case 'payment.tax_known':
      return { type: kind, ...base, payment: needed(body, rule, 'payment'), amount: amount() };
    case 'payment.fee_known':
      return {
        type: kind,
        ...base,
        reference: needed(body, rule, 'reference'),
        of: rule.of ?? 'payment',
        amount: amount(),
      };
    case 'platform_fee.created':
    case 'platform_fee.refunded':
      return { type: kind, ...base, fee: id, amount: amount() };
    case 'transfer.created':
    case 'transfer.reversed':
      return { type: kind, ...base, transfer: id, seller: needed(body, rule, 'seller'), amount: amount() };
    case 'refund.created':
    case 'refund.succeeded':
    case 'refund.failed': {
      const payment = rule.payment === undefined ? undefined : follow(body, rule.payment);
      return { type: kind, ...base, refund: id, amount: amount(), ...(payment === undefined ? {} : { payment }) };
    }
    case 'dispute.withdrawn':
    case 'dispute.reinstated':
    case 'dispute.lost':
      return { type: kind, ...base, dispute: id, amount: amount() };
    case 'payout.created':
    case 'payout.failed':
    case 'payout.cancelled':
    case 'payout.returned':
      return { type: kind, ...base, payout: id, amount: amount() };
    default:
      return assertNever(kind);
  }
}

/** Withdrawals and reinstatements are keyed by the movement: a dispute may go through several. */
function keyOf(body: Json, rule: MappingRule, kind: MappedKind): string | undefined {
  const moves = kind === 'dispute.withdrawn' || kind === 'dispute.reinstated';
  return moves && rule.movement !== undefined ? needed(body, rule, 'movement') : undefined;
}

type Needed = 'id' | 'amount' | 'currency' | 'payment' | 'seller' | 'reference' | 'movement';

function needed(body: Json, rule: MappingRule, member: Needed): string {
  const path = rule[member];
  const value = path === undefined ? undefined : follow(body, path);
  if (value !== undefined) return value;
  throw new PosternError(
    'unreadable_event',
    `the mapping for "${rule.when}" finds no ${member} at ${path ?? 'no path'}`,
  );
}

function referencesOf(body: Json, rule: MappingRule): ObjectReference[] {
  const subject = rule.kind === 'no_effect' || rule.kind === 'payment.fee_known' ? undefined : rule.kind.split('.')[0];
  const paths: [string, string | undefined][] = Object.entries(rule.references ?? {});
  if (subject !== undefined) paths.unshift([rule.kind === 'payment.tax_known' ? 'invoice' : subject, rule.id]);
  if (rule.payment !== undefined) paths.push(['payment', rule.payment]);
  return paths.flatMap(([kind, path]) => {
    const id = path === undefined ? undefined : follow(body, path);
    return id === undefined ? [] : [{ kind, id }];
  });
}
