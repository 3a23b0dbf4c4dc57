/**
 * Types that mention money another event posts, or none at all: why they post nothing, for a person in finance. By
 * prefix. What is not here and has no rule is parked, not ignored: issuing, treasury, climate orders and customer
 * balances move money that no rule of ours books yet.
 */
const REASONS: ReadonlyArray<readonly [prefix: string, reason: string]> = [
  ['payment_intent.', "the payment intent's money is told by its charge"],
  ['invoice.', "the invoice's money is told by its charge"],
  ['invoice_payment.', "the invoice payment's money is told by its charge"],
  ['invoiceitem.', 'a line of a future invoice: no money moved'],
  ['checkout.session.', "the checkout session's money is told by its charge"],
  ['credit_note.', "the credit note's money is told by its refund"],
  ['balance.available', 'a state of the balance, not a movement'],
  ['balance_settings.', 'a setting: no money moved'],
  ['payout.reconciliation_completed', 'the report of the payout is ready: it is imported on its own'],
  ['reserve.', 'reserves are posted from the settlement report'],
  ['reporting.', 'a report: it is imported on its own'],
  ['sigma.', 'a report: it is imported on its own'],
  ['radar.', 'a fraud warning: money moves only with a refund or a dispute'],
  ['review.', 'a review: money moves only with a refund'],
  ['mandate.', 'a mandate: no money moved'],
  ['setup_intent.', 'a payment method was set up: no money moved'],
  ['source.', "the source's money is told by its charge"],
  ['payment_method.', 'about a payment method: no money moved'],
  ['payment_link.', 'about a payment link: no money moved'],
  ['customer.', 'about a customer: no money moved'],
  ['subscription_schedule.', 'about a subscription: no money moved'],
  ['quote.', 'a quote: no money moved'],
  ['account.', 'about the account: no money moved'],
  ['capability.', 'about the account: no money moved'],
  ['person.', 'about the account: no money moved'],
  ['product.', 'about the catalogue: no money moved'],
  ['price.', 'about the catalogue: no money moved'],
  ['plan.', 'about the catalogue: no money moved'],
  ['sku.', 'about the catalogue: no money moved'],
  ['coupon.', 'about the catalogue: no money moved'],
  ['promotion_code.', 'about the catalogue: no money moved'],
  ['tax_rate.', 'about tax settings: no money moved'],
  ['tax.', 'about tax settings: no money moved'],
  ['file.', 'a file: no money moved'],
  ['billing.', 'about billing: the money is told by the charge'],
  ['billing_portal.', 'about the billing portal: no money moved'],
  ['entitlements.', 'about entitlements: no money moved'],
  ['financial_connections.', 'about a connected bank account: no money moved'],
  ['identity.', 'about an identity check: no money moved'],
  ['three_d_secure.', 'about an authentication: no money moved'],
  ['terminal.', 'about a card reader: the money is told by the charge'],
  ['apps.', 'about an app: no money moved'],
  ['test_helpers.', "a test clock: Stripe's sandbox only"],
  ['v2.core.account', 'about an account: no money moved'],
  ['v2.core.event_destination.', 'about the webhook endpoint itself: no money moved'],
  ['v2.core.health.', "about Stripe's own health: no money moved"],
  ['v2.core.batch_job.', 'about a batch of requests: no money moved'],
];
/** Families whose other types are evidence, but not these. */
const NOT_EVIDENCE = ['customer.cash_balance', 'billing.credit_balance_transaction'];

/** Why an event of this type posts nothing, or undefined where we do not know the type. */
export function evidenceReason(type: string): string | undefined {
  if (NOT_EVIDENCE.some((prefix) => type.startsWith(prefix))) return undefined;
  return REASONS.find(([prefix]) => type.startsWith(prefix))?.[1];
}
