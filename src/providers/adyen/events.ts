import { PosternError } from '../../errors.ts';
import { type JsonObject, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
import type { AuthorisationRelease, PaymentCaptured, PaymentEvent } from '../../payment-event.ts';
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
import { readNotification, type SignedFields } from './notification.ts';
import { capturesAtOnce } from './payment-methods.ts';
import { platformMeaning } from './platform.ts';

/** An item with its money read. The PSP reference is the payment's own, or a modification's or dispute's. */
type Told = {
  readonly psp: string;
  /** The payment: what a modification calls its original, else the reference itself. */
  readonly payment: string;
  readonly money: Money;
  /** Unsigned, as everything that tells a time at Adyen; the processor's word all the same. */
  readonly at: number;
  readonly fields: JsonObject;
  readonly settings: EndpointSettings;
};

/** docs.adyen.com/development-resources/webhooks/webhook-types */
const MEANINGS: Readonly<Record<string, (told: Told) => readonly PaymentEvent[] | string>> = {
  AUTHORISATION: authorisation,
  CAPTURE: (told) => [captured(told)],
  CAPTURE_FAILED: captureFailed,
  CANCELLATION: cancelled,
  TECHNICAL_CANCEL: cancelled,
  EXPIRE: cancelled,
  REFUND: (told) => [refund(told, 'refund.succeeded')],
  REFUND_WITH_DATA: (told) => [refund(told, 'refund.succeeded')],
  REFUND_FAILED: (told) => [refund(told, 'refund.failed')],
  REFUNDED_REVERSED: (told) => [refund(told, 'refund.failed')],
  CHARGEBACK: (told) => [dispute(told, 'dispute.withdrawn', 'CHARGEBACK')],
  CHARGEBACK_REVERSED: (told) => [dispute(told, 'dispute.reinstated', 'CHARGEBACK_REVERSED')],
  SECOND_CHARGEBACK: (told) => [
    dispute(told, 'dispute.withdrawn', 'SECOND_CHARGEBACK'),
    dispute(told, 'dispute.lost', 'lost'),
  ],
  // One key for all that say "lost": a dispute is lost once, whichever of them come.
  PREARBITRATION_LOST: (told) => [dispute(told, 'dispute.lost', 'lost')],
  DISPUTE_DEFENSE_PERIOD_ENDED: (told) => [dispute(told, 'dispute.lost', 'lost')],
};

/** Known, and no money moves by them: what they announce is told again by one of the above or by a report line. */
const EVIDENCE = new Set(
  (
    'ACH_NOTIFICATION_OF_CHANGE AUTHORISATION_ADJUSTMENT AUTHORISATION_PENDING AUTORESCUE AUTORESCUE_NEXT_ATTEMPT BENEFICIARY_CHANGE CANCEL_AUTORESCUE ' +
    'DIRECT_DEBIT_NOTICE_OF_CHANGE_NOTIFICATION DISABLE_RECURRING DONATION ' +
    'INFORMATION_SUPPLIED ISSUER_COMMENTS ISSUER_RESPONSE_TIMEFRAME_EXPIRED MANUAL_REVIEW_ACCEPT MANUAL_REVIEW_REJECT ' +
    'NOTIFICATION_OF_CHARGEBACK NOTIFICATION_OF_FRAUD OFFER_CLOSED ORDER_CLOSED ORDER_OPENED PAIDOUT_REVERSED ' +
    'PAYOUT_DECLINE PAYOUT_EXPIRE PAYOUT_THIRDPARTY PENDING POSTPONED_REFUND PREARBITRATION_OPENED PREARBITRATION_WON ' +
    'PROCESS_RETRY RECURRING_CONTRACT REPORT_AVAILABLE REQUEST_FOR_INFORMATION RETRIEVE_PAYMENT ' +
    'TOKENIZATION VOID_PENDING_REFUND'
  ).split(' '),
);

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const notification = readNotification(event.body);
  if (notification.kind === 'unreadable') throw new PosternError('unreadable_event', notification.detail);
  if (notification.kind === 'platform') return platformMeaning(notification.body, event, settings);
  const item = notification.items[event.item];
  if (item === undefined || item.signed === null)
    throw new PosternError('unreadable_event', `the body has no item ${event.item}`);
  return meaningOf(item.signed, item.fields, event, settings);
}

function meaningOf(
  signed: SignedFields,
  fields: JsonObject,
  event: ReceivedEvent,
  settings: EndpointSettings,
): Normalised {
  const payment = signed.originalReference === '' ? signed.pspReference : signed.originalReference;
  const known = references(
    ['payment', payment],
    [referenceKind(signed.eventCode), signed.pspReference === payment ? undefined : signed.pspReference],
    ['order', signed.merchantReference],
  );
  const code = signed.eventCode === 'CANCEL_OR_REFUND' ? cancelOrRefund(fields) : signed.eventCode;
  if (code === undefined) {
    return deferredFor(
      { references: known, amount: null },
      'object',
      'CANCEL_OR_REFUND without modification.action does not say which it was',
    );
  }
  const meaning = Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined;
  if (meaning === undefined) {
    const about: About = { references: known, amount: null };
    return EVIDENCE.has(code)
      ? noEffect(about, `evidence: ${code} moves no money of its own`)
      : unknownType(about, code);
  }
  if (signed.success !== 'true') {
    return noEffect(
      { references: known, amount: null },
      `authentic, no money moved: ${code} with success=${signed.success.slice(0, 10)}`,
    );
  }
  return parkingUnknownCurrency(known, () => {
    const money = adyenMoney(signed.value, signed.currency);
    const about: About = { references: known, amount: money };
    const at = isoTime(textAt(fields, 'eventDate')) ?? event.receivedAt;
    const effects = meaning({ psp: signed.pspReference, payment, money, at, fields, settings });
    return typeof effects === 'string' ? noEffect(about, effects) : effectsOf(about, effects);
  });
}

function cancelOrRefund(fields: JsonObject): string | undefined {
  const action = textAt(fields, 'additionalData', 'modification.action');
  if (action === 'refund') return 'REFUND';
  return action === 'cancel' ? 'CANCELLATION' : undefined;
}

function authorisation(told: Told): readonly PaymentEvent[] | string {
  const { psp, money, at, settings, fields } = told;
  if (money.amount === 0n) return 'an authorisation of nothing checks the card only';
  const atOnce = capturesAtOnce(textAt(fields, 'paymentMethod'));
  if (settings.capture === 'manual' && !atOnce) {
    return [{ type: 'payment.authorised', key: `${psp}:authorised`, at, payment: psp, ...money }];
  }
  const capture: PaymentCaptured = { type: 'payment.captured', key: `${psp}:captured`, at, payment: psp, ...money };
  // The capture delay is set per payment, so an account that captures automatically may still capture this one by hand.
  return [atOnce ? capture : { ...capture, captureMode: 'assumed' }];
}

function captured(told: Told): PaymentCaptured {
  const { psp, payment, money, at, settings } = told;
  const capture: PaymentCaptured = { type: 'payment.captured', key: `${psp}:captured`, at, payment, ...money };
  // Unless the account may capture in parts, Adyen gives back what a first capture leaves.
  const authorisation: AuthorisationRelease = {
    amount: money.amount,
    final: settings.multiple_partial_captures !== true,
  };
  return { ...capture, authorisation, ...(settings.capture === 'manual' ? {} : { captureMode: 'proves_manual' }) };
}

/**
 * Names the capture by the capture's own reference. The capture is told along with it, word for word as CAPTURE tells
 * it: under automatic capture there may be no CAPTURE at all, and what is to be undone then is the assumed one.
 */
function captureFailed(told: Told): readonly PaymentEvent[] {
  const { psp, payment, money, at } = told;
  return [captured(told), { type: 'payment.reversed', key: `${psp}:reversed`, at, payment, ...money }];
}

function cancelled(told: Told): readonly PaymentEvent[] {
  const { psp, payment, money, at, settings } = told;
  const ended = { type: 'payment.cancelled', key: `${psp}:cancelled`, at, payment, currency: money.currency } as const;
  return [settings.capture === 'manual' ? ended : { ...ended, captureMode: 'proves_manual' }];
}

function refund(told: Told, type: 'refund.succeeded' | 'refund.failed'): PaymentEvent {
  const { psp, payment, money, at } = told;
  return {
    type,
    key: `${psp}:${type.slice('refund.'.length)}`,
    at,
    refund: psp,
    ...(payment === psp ? {} : { payment }),
    ...money,
  };
}

function dispute(
  told: Told,
  type: 'dispute.withdrawn' | 'dispute.reinstated' | 'dispute.lost',
  movement: string,
): PaymentEvent {
  const { psp, money, at } = told;
  return { type, key: `${psp}:${movement}`, at, dispute: psp, ...money };
}

function referenceKind(code: string): string {
  if (/REFUND/.test(code)) return 'refund';
  if (/CHARGEBACK|PREARBITRATION|DISPUTE|REQUEST_FOR_INFORMATION|ISSUER|NOTIFICATION_OF_FRAUD/.test(code))
    return 'dispute';
  return code.startsWith('CAPTURE') ? 'capture' : 'modification';
}
