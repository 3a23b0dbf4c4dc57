import { at, type Json, type JsonObject, listAt, textAt } from '../../exact-json.ts';
import type { Payout } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';
import {
  type About,
  deferredFor,
  effectsOf,
  noEffect,
  parkingUnknownCurrency,
  references,
  unknownType,
} from '../normalised.ts';
import type { EndpointSettings, Normalised, ReceivedEvent } from '../provider.ts';
import { adyenMoney } from './currency.ts';
import { LISTED } from './listed-transfer.ts';

/** Families that move no money, or none that a transfer does not tell: a transaction is a transfer's booking. */
const EVIDENCE =
  /^(?:balancePlatform\.(?:accountHolder|authentication|authorisation|balanceAccount\w*|balancePlatform\w*|cardorder|dispute|mandate|negativeBalanceCompensationWarning|networkToken|paymentInstrument|report|score|transaction)|merchant|paymentMethod|terminal\w*|recurring|ach|eft)\./;

const CATEGORIES: Readonly<Record<string, string>> = {
  platformPayment: 'a part of a payment, which its standard webhook tells',
  topUp: 'a top-up by card, which its standard webhook tells',
  internal: 'between balance accounts, booked from the accounting report',
};

/** Before the booking nothing has left the balance account. */
const NOT_BOOKED = new Set(
  'received authorised pending approvalPending pendingApproval pendingExecution bookingPending bankTransferPending'.split(
    ' ',
  ),
);
const BOOKED = new Set('booked bankTransfer credited'.split(' '));
const UNDONE: Readonly<Record<string, 'payout.failed' | 'payout.cancelled' | 'payout.returned'>> = {
  failed: 'payout.failed',
  error: 'payout.failed',
  refused: 'payout.failed',
  rejected: 'payout.failed',
  expired: 'payout.failed',
  cancelled: 'payout.cancelled',
  returned: 'payout.returned',
};
const EVENTS_MAX = 200;

/** A transfer that has taken nothing yet: a later state is listed while it is young, and told by webhook. */
export function isUnderWay(transfer: Json | undefined): boolean {
  return NOT_BOOKED.has(textAt(transfer, 'status') ?? '');
}

/**
 * Platform webhooks (docs.adyen.com/platforms/webhooks, Balance Platform). A bank transfer out of a balance account of
 * ours is a payout; whose the others are, the body does not say, so the setting `balance_accounts` does.
 */
export function platformMeaning(body: JsonObject, event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const type = textAt(body, 'type') ?? event.type;
  const data = at(body, 'data');
  const id = textAt(data, 'id');
  const account = textAt(data, 'balanceAccount', 'id') ?? textAt(data, 'balanceAccountId');
  const payment = textAt(data, 'categoryData', 'pspPaymentReference') ?? textAt(data, 'pspPaymentReference');
  const about: About = {
    references: references(
      [type.includes('.transfer.') ? 'transfer' : 'object', id],
      ['payment', payment],
      ['balance_account', account],
    ),
    amount: null,
  };
  if (!/^balancePlatform\.transfer\.(?:created|updated|listed)$/.test(type))
    return EVIDENCE.test(type)
      ? noEffect(about, `evidence: ${type} moves no money of its own`)
      : unknownType(about, type);
  const category = textAt(data, 'category') ?? '';
  const told = Object.hasOwn(CATEGORIES, category) ? CATEGORIES[category] : undefined;
  if (told !== undefined) return noEffect(about, `evidence: ${told}`);
  if (category !== 'bank')
    return deferredFor(
      about,
      'adapter',
      `the adapter does not book transfers of the category "${category.slice(0, 40)}"`,
    );
  const ours = settings.balance_accounts;
  if (!Array.isArray(ours)) {
    const why = 'which balance accounts are yours, and not your sellers’, the setting balance_accounts must say';
    return deferredFor(about, 'adapter', why);
  }
  if (account === undefined || !ours.includes(account))
    return noEffect(about, 'evidence: a transfer of a balance account that is not ours');
  // Only its history says in which currency it left the balance: without it another amount could post than by webhook.
  if (type === LISTED && listAt(data, 'events').length === 0)
    return deferredFor(about, 'object', 'the transfer is listed without its events');
  return parkingUnknownCurrency(about.references, () => bankTransfer(data, id, about, event.receivedAt));
}

function bankTransfer(data: Json | undefined, id: string | undefined, about: About, receivedAt: number): Normalised {
  const status = textAt(data, 'status') ?? '';
  const direction = textAt(data, 'direction');
  const type = textAt(data, 'type') ?? 'bankTransfer';
  const events = listAt(data, 'events').slice(0, EVENTS_MAX);
  const booking = events.find((one) => textAt(one, 'status') === 'booked');
  const sent = id === undefined ? undefined : payout(data, id, booking, receivedAt);
  if (sent === undefined) return deferredFor(about, 'object', 'the transfer has no id or amount');
  const told: About = { ...about, amount: { amount: sent.amount, currency: sent.currency } };
  if (NOT_BOOKED.has(status)) return noEffect(told, `evidence: a transfer in status ${status} moved no money yet`);
  const undone = Object.hasOwn(UNDONE, status) ? UNDONE[status] : undefined;
  if (undone === undefined && !BOOKED.has(status))
    return deferredFor(told, 'adapter', `the adapter does not know the transfer status "${status.slice(0, 40)}"`);
  // Where the transfer tells its history, a refusal before the booking took nothing that could come back.
  if (undone !== undefined && undone !== 'payout.returned' && events.length > 0 && booking === undefined)
    return noEffect(told, `evidence: a transfer that ended ${status} before it was booked`);
  // Money that comes in, or is pulled: our own top-up, a buyer's payment or a creditor's debit, which nothing tells.
  if (direction !== 'outgoing' || type !== 'bankTransfer') {
    const what = `${direction ?? ''} ${type}`.slice(0, 60);
    return deferredFor(
      told,
      'adapter',
      `whose money a bank transfer of the kind "${what}" is, the adapter does not know`,
    );
  }
  if (undone === undefined) return effectsOf(told, [sent]);
  const ended = events.findLast((one) => textAt(one, 'status') === status);
  const time = isoTime(textAt(ended, 'bookingDate')) ?? isoTime(textAt(data, 'updatedAt')) ?? receivedAt;
  return effectsOf(told, [sent, { ...sent, type: undone, key: `${id}:${undone.slice('payout.'.length)}`, at: time }]);
}

/** What left the balance, in the balance's currency; the amount of the transfer is what the bank receives. */
function payout(data: Json | undefined, id: string, booking: Json | undefined, receivedAt: number): Payout | undefined {
  const value = textAt(data, 'amount', 'value');
  if (value === undefined) return undefined;
  const received = adyenMoney(value, textAt(data, 'amount', 'currency') ?? '');
  const time = isoTime(textAt(booking, 'bookingDate')) ?? isoTime(textAt(data, 'creationDate')) ?? receivedAt;
  const base = { type: 'payout.created', key: `${id}:created`, at: time, payout: id } as const;
  const [mutation] = listAt(booking, 'mutations');
  const left = textAt(mutation, 'balance');
  const currency = textAt(mutation, 'currency') ?? received.currency;
  if (left === undefined || currency === received.currency) return { ...base, ...received };
  return { ...base, ...adyenMoney(left.replace(/^-/, ''), currency), settled: received };
}
