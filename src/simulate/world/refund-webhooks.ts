/** A webhook as it could be told otherwise; null: it is about something else. */
type Retold = (content: string) => string | null;

/** What processors tell of a refund by webhooks, in their own words. */
export type RefundWebhooks = {
  /** That it was only begun. Absent: nobody tells that. */
  readonly begun?: Retold;
  /** That it was sent, as a webhook of its own beside the one that told it. Absent: no webhook tells its amount. */
  readonly again?: Retold;
};

const saying =
  (...words: readonly string[]): Retold =>
  (content) =>
    words.every((word) => content.includes(word)) ? content : null;

/** With another last letter of an id: `pattern` has what is before it, and it. */
const renamed =
  (told: Retold, pattern: RegExp): Retold =>
  (content) =>
    told(content)?.replace(pattern, (_, before: string, last: string) => before + (last === '0' ? '1' : '0')) ?? null;

const PAYPAL_SENT = saying('"event_type":"PAYMENT.CAPTURE.REFUNDED"');

const REFUNDS: Readonly<Record<string, RefundWebhooks>> = {
  stripe: {
    begun: saying('"type": "refund.created"'),
    again: renamed(saying('"type": "refund.updated"'), /("id": "evt_\w+)(\w)(?=")/),
  },
  // What was begun is the answer to whoever asked for it. The other word for what was sent has the same object.
  adyen: {
    again: (content) => saying('"eventCode":"REFUND"')(content)?.replace('"REFUND"', '"REFUND_WITH_DATA"') ?? null,
  },
  paypal: {
    begun: (content) =>
      PAYPAL_SENT(content)?.replace('CAPTURE.REFUNDED', 'REFUND.PENDING').replace('"COMPLETED"', '"PENDING"') ?? null,
    again: renamed(PAYPAL_SENT, /("id":"WH-[\w-]+)(\w)(?=")/),
  },
  square: {
    begun: saying('"type":"refund.created"'),
    again: renamed(saying('"type":"refund.updated"'), /("event_id":"[\w-]+)(\w)(?=")/),
  },
  checkout: {
    begun: saying('"type":"payment_refund_pending"'),
    again: renamed(saying('"type":"payment_refunded"'), /("id":"evt_\w+)(\w)(?=")/),
  },
  mollie: {
    begun: saying('"type":"refund.pending"'),
    again: renamed(saying('"type":"refund.refunded"'), /("id":"event_\w+)(\w)(?=")/),
  },
  razorpay: {
    begun: saying('"event":"refund.created"'),
    // What happened to which object when stands for the id of an event.
    again: renamed(saying('"event":"refund.processed"'), /("created_at":\d+)(\d)(?=\}$)/),
  },
  // No amount is in its webhooks, nor in Klarna's.
  gocardless: { begun: saying('"resource_type":"refunds"', '"action":"created"') },
  braintree: {
    again: renamed(saying('<type>credit</type>', '<status>settled</status>'), /(<timestamp>[^<]+)(\d)(?=Z)/),
  },
  worldpay: {
    begun: saying('"type":"sentForRefund"'),
    again: renamed(saying('"type":"refunded"'), /("eventId":"[\w-]+)(\w)(?=")/),
  },
};

export const refundWebhooks = (provider: string): RefundWebhooks => REFUNDS[provider] ?? {};
