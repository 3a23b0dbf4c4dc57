import { at, isObject, listAt, textAt } from '../../exact-json.ts';
import { isoAmount, stripeCurrency } from './currency.ts';
import { idAt, type Meaning, noEffect, required, type StripeEvent, timeOf } from './fields.ts';

const INVOICE_EVIDENCE = "the invoice's money is told by its charge";
const SESSION_EVIDENCE = "the checkout session's money is told by its charge";

/**
 * invoice.paid: a charge never tells its tax, the invoice does. docs.stripe.com/api/invoices/object: `total_taxes`, in
 * older versions `total_tax_amounts`, before that `tax`.
 */
export function invoiceMeaning(event: StripeEvent): Meaning {
  const invoice = event.object;
  // Paid outside Stripe, or by a credit balance: there is no captured revenue that the tax could be taken from.
  const paid = textAt(invoice, 'amount_paid');
  if (at(invoice, 'paid_out_of_band') === true || paid === undefined || paid === '0') return noEffect(INVOICE_EVIDENCE);
  const currency = stripeCurrency(required(invoice, 'currency'));
  const taxes = [listAt(invoice, 'total_taxes'), listAt(invoice, 'total_tax_amounts')].find((list) => list.length > 0);
  const amount =
    taxes === undefined
      ? isoAmount(textAt(invoice, 'tax') ?? '0', currency)
      : taxes.filter(isObject).reduce((sum, tax) => sum + isoAmount(required(tax, 'amount'), currency), 0n);
  const id = required(invoice, 'id');
  const payment = idAt(invoice, 'charge') ?? idAt(invoice, 'payment_intent') ?? id;
  return taxKnown(
    id,
    payment,
    amount,
    currency.code,
    timeOf(at(invoice, 'status_transitions'), 'paid_at', event.at),
    INVOICE_EVIDENCE,
  );
}

/** checkout.session.completed and .async_payment_succeeded of sessions without an invoice, which would tell it again. */
export function sessionMeaning(event: StripeEvent): Meaning {
  const session = event.object;
  const total = textAt(session, 'total_details', 'amount_tax');
  if (textAt(session, 'payment_status') !== 'paid' || idAt(session, 'invoice') !== undefined || total === undefined) {
    return noEffect(SESSION_EVIDENCE);
  }
  if (textAt(session, 'mode') === 'subscription' || total === '0') return noEffect(SESSION_EVIDENCE);
  const currency = stripeCurrency(required(session, 'currency'));
  const id = required(session, 'id');
  // The event's own time: a session paid late (bank debits) was made days before.
  return taxKnown(
    id,
    idAt(session, 'payment_intent') ?? id,
    isoAmount(total, currency),
    currency.code,
    event.at,
    SESSION_EVIDENCE,
  );
}

function taxKnown(
  id: string,
  payment: string,
  amount: bigint,
  currency: string,
  when: number,
  otherwise: string,
): Meaning {
  if (amount === 0n) return noEffect(otherwise);
  return {
    kind: 'effects',
    effects: [{ type: 'payment.tax_known', key: `${id}:tax`, at: when, payment, amount, currency }],
    amount: { amount, currency },
  };
}
