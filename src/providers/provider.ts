import type { PaymentEvent } from '../payment-event.ts';
import type { ProviderReports } from './provider-reports.ts';
import type { SettlementFormat } from './settlement-format.ts';

/**
 * The contract every processor's adapter fulfils: pure functions over bytes and values. An adapter knows nothing of
 * Postgres, HTTP servers or the ledger. Times are unix milliseconds.
 */
export type Provider = {
  /** The name in `/webhooks/:provider/…`, in effect keys and in the folder's name. */
  readonly name: string;
  /** For people: "Stripe". */
  readonly title: string;
  readonly facts: ProviderFacts;
  /** Header names (lower case) whose values are credentials; `authorization` and `cookie` always are. */
  readonly secretHeaders: readonly string[];
  /** A header whose absence tells at once that a request is not this provider's; null where the body carries the signature. */
  readonly signatureHeader: readonly string[] | null;
  /** Checks the endpoint's `settings` when they are set. Returns what is wrong, empty when nothing is. */
  checkSettings(settings: EndpointSettings): readonly SettingFault[];
  /** Checks a secret when it is set: its shape, never its rightness. Returns what is wrong, or null. */
  checkSecret(secret: string): string | null;
  /** Is this request authentic? Over the exact bytes, in constant time, without network. Never throws. */
  verify(request: WebhookRequest, context: VerifyContext): Verdict;
  /** The events inside an authentic request. Never throws: what cannot be read is `unreadable`. */
  identify(request: WebhookRequest, settings: EndpointSettings): Identification;
  /** Whether each event names its processor account, or some do (a platform's); absent: none, they are of the endpoint's. */
  readonly namesAccount?: 'always' | 'sometimes';
  /** What one event means. Pure and versioned by `normaliserVersion`. Throws PosternError `unreadable_event`, `amount_invalid`. */
  normalise(event: ReceivedEvent, settings: EndpointSettings): Normalised;
  readonly normaliserVersion: number;
  /** Answers a GET by which the processor tries the address (Braintree); null: not a challenge, or not by this endpoint's keys. */
  challenge?(request: WebhookRequest, context: Pick<VerifyContext, 'secrets' | 'settings'>): Answer | null;
  /** Calls to the processor, for what its webhooks do not say. */
  readonly api?: ProviderApi;
  /** The settlement reports it can read, the one that moves money first. */
  readonly settlements?: readonly SettlementFormat[];
  /** The answer this provider wants. */
  acknowledge(outcome: Acknowledged): Answer;
};

export type ProviderFacts = {
  /** How long the processor tries to deliver, in hours: after that an unacknowledged event is gone. */
  readonly retryHorizonHours: number;
  /** Its requests verify without a secret of ours: by certificates, keys that are asked for, or not at all (hints). */
  readonly withoutSecret?: true;
  /** How long the processor may go on signing with an old secret, in hours, where it says so; see `rotationOverlapMs`. */
  readonly rotationOverlapHours?: number;
  /** How long event rows are kept for deduplication, in days; null without end (no signed time: a capture replays for ever). */
  readonly dedupHorizonDays: number | null;
  /** Hosts its signing certificates come from, exactly; nothing else is ever asked for one. */
  readonly certificateHosts?: readonly string[];
  /** The processor's own documents. */
  readonly documentation: readonly string[];
  /** What docs/providers.md tells of it, in a few words each. */
  readonly matrix: ProviderMatrixRow;
};

export type ProviderMatrixRow = {
  /** Where the signature is, its algorithm and what it covers. */
  readonly signature: string;
  /** How old a request may be, or that no time is signed. */
  readonly freshness: string;
  /** What an endpoint's secret is. */
  readonly secret: string;
  /** What deduplicates deliveries. */
  readonly eventId: string;
  /** What authenticity says: the body, a token only, or a hint that is fetched before anything posts. */
  readonly trust: string;
  /** How the processor account is known. */
  readonly account: string;
  /** Which object or event moves the money. */
  readonly captured: string;
  /** How amounts and currencies are written, and the exceptions. */
  readonly currencies: string;
  /** The processor's reports that tell what it settled and paid out, where it has any. */
  readonly settlement?: string;
  /** Its answer when all is well. */
  readonly answer: string;
  /** What no source confirmed, so that it is checked on a real account first. */
  readonly unconfirmed?: string;
};

/**
 * Calls to a processor's API. `call` goes through the egress: only to `hosts`, https, no redirects, limited in time and
 * size. Nothing a webhook says decides where we connect: its ids are put, encoded, into paths that are written here.
 */
export type ProviderApi = {
  /** Exact host names, live and sandbox; `*.` stands for one label, where every customer has a host (host-list.ts). */
  readonly hosts: readonly string[];
  /** Which of the endpoint's settings holds the key; without it events that need a fetch are parked. */
  readonly keySetting: string;
  /** The object an event is about, as the processor tells it now. Throws only what `call` throws. */
  fetchObject(object: ObjectReference, context: ApiContext): Promise<Fetched>;
  /** A verification key that `verify` asked for with `needs` (Plaid's JWKs): PEM or JSON, as `certificates.get` returns it. */
  fetchKey?(url: string, context: ApiContext): Promise<Fetched>;
  /** What can be listed of the past, and how far back; absent: nothing, gaps show in settlement reports only. */
  readonly list?: ProviderList;
  /** Settlement reports that it gives out. */
  readonly reports?: ProviderReports;
};

export type ProviderList = {
  /** What is listed, in a few words for docs/providers.md: "events of 30 days". */
  readonly what: string;
  /** How far back the processor tells, in days. */
  readonly days: number;
  /** How long after it happened an event may first be listed, in seconds. */
  readonly delayS: number;
  /** Why nothing of an endpoint with these settings is listed, as the end of "lists nothing of it: …"; null: it is. */
  unlisted?(settings: EndpointSettings): string | null;
  /** Whether events of this type are of the kind that is listed, where a webhook may bring others (Stripe's thin ones). */
  covers?(type: string): boolean;
  /**
   * One page of what the processor says it sent or did in `[from, to)` (unix ms), in any order; `cursor` is null at first and
   * then what the page before named. What lies outside the range is harmless. Throws only what `call` throws, and PosternError
   * `unreadable_event` where the answer is none.
   */
  page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage>;
};

export type TimeRange = { readonly from: number; readonly to: number };

export type ListedPage =
  | {
      readonly kind: 'page';
      /** The API's path, without its query: kept with what it brought. */
      readonly path: string;
      readonly events: readonly ListedEvent[];
      readonly next: string | null;
    }
  | Extract<Fetched, { kind: 'refused' | 'later' }>;

export type ListedEvent = {
  /**
   * The event as its webhook would have brought it, in the answer's own bytes (json-slices.ts): `identify` must find the same
   * id in it, and an amount must not pass through a JS number.
   */
  readonly body: Buffer;
  /** When it happened, unix ms. */
  readonly at: number | null;
  /** The processor account, where not the bytes but the question named it. */
  readonly account?: string;
  /** Live or test mode, where the bytes do not say. */
  readonly live?: boolean;
  /** An object, which no webhook brings: taken in when it is missing, but no gap. */
  readonly object?: true;
};

export type ApiContext = {
  readonly settings: EndpointSettings;
  /** Unix ms. */
  readonly now: number;
  call(request: ApiCall): Promise<ApiAnswer>;
};

export type ApiCall = {
  readonly method: 'GET' | 'POST';
  readonly host: string;
  /** Path and query, beginning with a slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** Header names are lower case. */
export type ApiAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

export type Fetched =
  /** JSON that `normalise` understands as `event.fetched`: the answer's bytes, or several answers put together. */
  | { readonly kind: 'found'; readonly body: Buffer }
  /** The processor does not know it (yet). */
  | { readonly kind: 'missing'; readonly detail: string }
  /** The key is wrong or may not read this: for a person. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** Too many calls, or the processor is away: again at `at` (unix ms) at the earliest. */
  | { readonly kind: 'later'; readonly at: number; readonly detail: string };

/** Header names are lower case; a name that came twice stands twice. */
export type WebhookRequest = {
  readonly method: string;
  /** The URL as the processor called it: PUBLIC_URL and path, or as the socket saw it. */
  readonly url: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body: Buffer;
  /** Unix ms: for hints without an id of their own, which would else all be copies of the first. */
  readonly receivedAt?: number;
};

/** The endpoint's own settings, checked by `checkSettings`; names in snake_case as the API takes them. */
export type EndpointSettings = {
  /** `live`, `test`, or both when absent. */
  readonly mode?: 'live' | 'test';
  /** The processor account; the endpoint's name when absent. */
  readonly account?: string;
  /** Processor accounts this endpoint carries; events of others end `no_effect`. Absent: all. */
  readonly accounts?: readonly string[];
  /** Accounts that pass money on to sellers. */
  readonly marketplace?: 'on_capture' | 'on_transfer';
  /** In whose days the account's books are kept, as `Europe/Berlin`; UTC when absent. */
  readonly time_zone?: string;
  /** Signature freshness in seconds, where the scheme signs a time. */
  readonly tolerance_s?: number;
  /** How often what the processor lists is compared with what came, in seconds; 0 never. */
  readonly backfill_every_s?: number;
  /** Whether every payout names its lines (`payout`), batches are paid out (`batch`), or a person pays out (`balance`); absent: the report format's own. */
  readonly settlement_mode?: 'payout' | 'batch' | 'balance';
  /** From which day on its webhooks come, `2026-03-01`: what moved before has none, and is no discrepancy; what was there then came before us. */
  readonly live_from?: string;
  /** How many days after a movement its settlement line is due (7), after a settlement its payout (7), after a payout its bank line (5). */
  readonly settlement_days?: number;
  readonly payout_days?: number;
  readonly bank_days?: number;
  /** On which days a report of this account is expected; absent: only gaps in numbers are noticed. */
  readonly report_calendar?: 'daily' | 'weekdays';
  /** The account its payouts arrive on, as the statements name it; absent: the third hop is not judged. */
  readonly bank_account?: string;
  /** What tells on a statement that an entry comes from the processor: each a part of what stands there, whatever its case. */
  readonly bank_pattern?: { readonly name?: string; readonly account?: string; readonly text?: string };
  /** What was agreed with the processor: a term for a line's method before one for all, and of these the one that began last. */
  readonly fee_contract?: readonly FeeTerm[];
  /** The types its webhook was asked to bring, `charge.*` for all that begin so; absent: all. */
  readonly backfill_types?: readonly string[];
  readonly [name: string]: unknown;
};

/** Amounts are minor units of `currency`; `percent` is a decimal: "1.4". */
export type FeeTerm = {
  readonly currency: string;
  /** Absent: every method. */
  readonly payment_method?: string;
  readonly percent?: string;
  readonly fixed?: string;
  readonly minimum?: string;
  /** From which day on, `2026-01-01`. */
  readonly from?: string;
};

export type SettingFault = { readonly path: string; readonly message: string };

/** A secret that is valid now. `id` is what the verdict names. */
export type ActiveSecret = { readonly id: string; readonly secret: string };

export type VerifyContext = {
  readonly secrets: readonly ActiveSecret[];
  readonly settings: EndpointSettings;
  /** Unix milliseconds. */
  readonly now: number;
  /** Certificates and keys at hand (PEM by URL). What is not there is asked for by the verdict `needs`. */
  readonly certificates: CertificateLookup;
};

export type CertificateLookup = {
  get(url: string): string | undefined;
  /** PEM roots that replace the provider's pinned ones (tests and vectors only). */
  readonly trustRoots?: readonly string[];
};

export type RejectReason =
  | 'signature_missing'
  | 'signature_malformed'
  | 'signature_mismatch'
  | 'stale'
  | 'unreadable'
  | 'no_secret'
  | 'certificate'
  | 'unsupported';

/** `body`: the bytes are signed. `token`: only a static token. `hint`: nothing is; it must be fetched before anything posts. */
export type AuthenticityLevel = 'body' | 'token' | 'hint';

export type Verdict =
  | {
      readonly kind: 'authentic';
      readonly level: AuthenticityLevel;
      /** Which secret matched; null where the scheme has none of ours (certificates). */
      readonly secretId: string | null;
    }
  | {
      readonly kind: 'rejected';
      readonly reason: RejectReason;
      readonly detail: string;
      readonly items?: readonly boolean[];
    }
  /** A certificate that is not cached: fetched beside the request, which is answered 503. */
  | { readonly kind: 'needs'; readonly url: string };

export type IdentifiedEvent = {
  /** Position in the body, from 0. */
  readonly item: number;
  /** The provider's event id (or a composite where it has none), as the processor writes it. */
  readonly id: string;
  /** False where the id is outside the signature: then it identifies only together with the content fingerprint. */
  readonly idSigned: boolean;
  /** A second id that must not come back with another body (PayPal's transmission id), else null. */
  readonly transmissionId: string | null;
  readonly type: string;
  readonly apiVersion: string | null;
  /** Live or test mode, null where the event does not say. */
  readonly live: boolean | null;
  /** The processor account, where the body names one. */
  readonly account: string | null;
  readonly occurredAt: number | null;
  /** Hash over what counts as content: leaves out what changes between retries. Called only when it matters. */
  fingerprint(): Buffer;
};

export type Identification =
  | { readonly kind: 'events'; readonly events: readonly IdentifiedEvent[] }
  /** Authentic, but not to be read or without an id: kept as a dead event for a person. */
  | { readonly kind: 'unreadable'; readonly detail: string }
  /**
   * Authentic and no event at all (a challenge, a subscription confirmation). `visit` is a URL to GET beside the request,
   * on one of `facts.certificateHosts` only, which confirms the subscription.
   */
  | { readonly kind: 'control'; readonly answer: Answer; readonly visit?: string };

/** An event as the worker reads it back: the stored bytes and what was identified. */
export type ReceivedEvent = {
  readonly item: number;
  readonly id: string;
  readonly type: string;
  /** The processor account: the body's own, else the endpoint's. */
  readonly account: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body: Buffer;
  /** Unix ms; used only where the processor's object tells no time of its own. */
  readonly receivedAt: number;
  /** What `verify` said: where it is not `body`, the body's amounts are not to be believed. */
  readonly level: AuthenticityLevel;
  /** What `api.fetchObject` found for this event; null as long as nothing was fetched. */
  readonly fetched: Buffer | null;
};

/** What the event is about, for search: `kind` is payment, refund, dispute, payout, order, invoice, customer … */
export type ObjectReference = { readonly kind: string; readonly id: string };

export type Normalised = {
  readonly references: readonly ObjectReference[];
  /** The money this event is about, for the amount at risk; null where it moves none or could not be read. */
  readonly amount: { readonly amount: bigint; readonly currency: string } | null;
} & (
  | { readonly kind: 'effects'; readonly effects: readonly PaymentEvent[] }
  | { readonly kind: 'no_effect'; readonly reason: string }
  /**
   * The event only names its object, or its bytes are not to be believed: the object is fetched first (not before
   * `notBefore`, unix ms), and normalised again with it. Never answered to an event whose `fetched` is there.
   */
  | { readonly kind: 'fetch'; readonly object: ObjectReference; readonly reason: string; readonly notBefore?: number }
  /** Authentic and kept, but something is missing before it can post. `until` (unix ms): one more try, then dead. */
  | {
      readonly kind: 'deferred';
      readonly waitingFor: 'adapter' | 'api_key' | 'currency' | 'object' | 'retry_at';
      readonly until: number | null;
      readonly reason: string;
    }
);

export type Acknowledged =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'rejected'; readonly reason: RejectReason; readonly detail: string };

/** An HTTP answer; a `null` body leaves it to the gateway's own problem document. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
};
