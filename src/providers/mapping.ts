import type { PaymentEventType } from '../payment-event.ts';
import { isPath } from './body-paths.ts';
import type { EndpointSettings, SettingFault } from './provider.ts';

/**
 * What the events of a sender we do not know mean: the endpoint's setting `mapping`. Example:
 *
 *   { "type_path": "type",
 *     "rules": [
 *       { "when": "payment.succeeded", "kind": "payment.captured", "id": "data.id", "amount": "data.amount",
 *         "currency": "data.currency", "unit": "minor", "at": "timestamp", "references": { "order": "data.order_id" } },
 *       { "when": "refund.done", "kind": "refund.succeeded", "id": "data.refund.id", "payment": "data.id",
 *         "amount": "data.refund.value", "currency": "=EUR", "unit": "major" },
 *       { "when": "customer.updated", "kind": "no_effect", "reason": "about a customer: no money moved" } ] }
 *
 * A value is a path into the body (`data.items.0.id`) or, after "=", the text itself. `id` is the object the kind is
 * about. Every rule whose `when` is the event's type applies. A type without a rule is parked.
 */
export type Mapping = { readonly type_path?: string; readonly rules: readonly MappingRule[] };

export type MappingRule = {
  readonly when: string;
  readonly kind: MappedKind | 'no_effect';
  readonly reason?: string;
  readonly id?: string;
  readonly amount?: string;
  readonly currency?: string;
  /** `minor` (the default): whole minor units of ISO 4217. `major`: a decimal. */
  readonly unit?: 'minor' | 'major';
  /** ISO 8601, unix seconds or milliseconds; without it the body's `timestamp`, else the receipt. */
  readonly at?: string;
  /** The payment a refund gives back. */
  readonly payment?: string;
  /** Whom a transfer goes to. */
  readonly seller?: string;
  /** What a fee belongs to: the payment's, refund's or dispute's id; `id` is the fee's own. */
  readonly reference?: string;
  readonly of?: 'payment' | 'refund' | 'dispute';
  /** The movement of a dispute that is withdrawn or reinstated more than once. */
  readonly movement?: string;
  /** More to find the event by: kind to path. */
  readonly references?: Readonly<Record<string, string>>;
};

export type MappedKind = PaymentEventType;

const NEEDS = ['id', 'amount', 'currency'] as const;
/** What each kind needs beside `when` and `kind`. */
const KINDS: Readonly<Record<MappedKind, readonly (keyof MappingRule)[]>> = {
  'payment.authorised': NEEDS,
  'payment.captured': NEEDS,
  'payment.reversed': NEEDS,
  'payment.failed': ['id', 'currency'],
  'payment.cancelled': ['id', 'currency'],
  'payment.tax_known': [...NEEDS, 'payment'],
  'payment.fee_known': [...NEEDS, 'reference'],
  'platform_fee.created': NEEDS,
  'platform_fee.refunded': NEEDS,
  'transfer.created': [...NEEDS, 'seller'],
  'transfer.reversed': [...NEEDS, 'seller'],
  'refund.created': NEEDS,
  'refund.succeeded': NEEDS,
  'refund.failed': NEEDS,
  'dispute.withdrawn': NEEDS,
  'dispute.reinstated': NEEDS,
  'dispute.lost': NEEDS,
  'payout.created': NEEDS,
  'payout.failed': NEEDS,
  'payout.cancelled': NEEDS,
  'payout.returned': NEEDS,
};
const PATHS = ['id', 'amount', 'currency', 'at', 'payment', 'seller', 'reference', 'movement'] as const;
const MEMBERS: readonly string[] = ['when', 'kind', 'reason', 'unit', 'of', 'references', ...PATHS];
const RULES_MAX = 100;
const REFERENCES_MAX = 10;

/** The mapping of settings that passed `mappingFaults`; undefined where there is none. */
export function readMapping(settings: EndpointSettings): Mapping | undefined {
  return settings.mapping === undefined ? undefined : (settings.mapping as Mapping);
}

export function mappingFaults(value: unknown): SettingFault[] {
  if (value === undefined) return [];
  if (!isRecord(value)) return [{ path: '/mapping', message: 'must be an object with rules' }];
  const faults: SettingFault[] = [];
  const fault = (path: string, message: string): void => void faults.push({ path: `/mapping${path}`, message });
  for (const name of Object.keys(value))
    if (!['type_path', 'rules'].includes(name)) fault(`/${name}`, 'no such member');
  if (value.type_path !== undefined && !isPath(value.type_path)) fault('/type_path', 'must be a path like data.type');
  if (!Array.isArray(value.rules) || value.rules.length === 0 || value.rules.length > RULES_MAX) {
    fault('/rules', `must be a list of 1 to ${RULES_MAX} rules`);
    return faults;
  }
  value.rules.forEach((rule: unknown, i) => {
    if (isRecord(rule)) ruleFaults(rule, (path, message) => fault(`/rules/${i}${path}`, message));
    else fault(`/rules/${i}`, 'must be an object');
  });
  return faults;
}

function ruleFaults(rule: Record<string, unknown>, fault: (path: string, message: string) => void): void {
  const { kind, when, reason, unit, of, references } = rule;
  for (const name of Object.keys(rule)) if (!MEMBERS.includes(name)) fault(`/${name}`, 'no such member');
  if (typeof when !== 'string' || when === '') fault('/when', 'must be the event type it applies to');
  for (const name of PATHS)
    if (rule[name] !== undefined && !isPath(rule[name])) fault(`/${name}`, 'must be a path like data.id, or =text');
  if (unit !== undefined && unit !== 'minor' && unit !== 'major') fault('/unit', 'must be minor or major');
  if (of !== undefined && of !== 'payment' && of !== 'refund' && of !== 'dispute')
    fault('/of', 'must be payment, refund or dispute');
  if (reason !== undefined && (typeof reason !== 'string' || reason.length > 200))
    fault('/reason', 'must be a text of at most 200 characters');
  if (references !== undefined) {
    const paths = isRecord(references) ? Object.values(references) : [];
    if (paths.length === 0 || paths.length > REFERENCES_MAX || !paths.every(isPath))
      fault('/references', `must be 1 to ${REFERENCES_MAX} names with a path each`);
  }
  if (kind === 'no_effect') return;
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind)) {
    fault('/kind', `must be no_effect or one of ${Object.keys(KINDS).join(', ')}`);
    return;
  }
  for (const name of KINDS[kind as MappedKind]) if (rule[name] === undefined) fault(`/${name}`, `${kind} needs it`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
