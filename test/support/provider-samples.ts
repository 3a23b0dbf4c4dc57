import type {
  AuthenticityLevel,
  EndpointSettings,
  Provider,
  VerifyContext,
  WebhookRequest,
} from '../../src/providers/provider.ts';

/**
 * What the contract suite needs of a provider: events made and signed by us, in the processor's layout. One module per
 * provider, test/providers/<name>/samples.ts, exports `samples`.
 */
export type ProviderSamples = {
  readonly provider: Provider;
  /** Settings that pass `checkSettings`. */
  readonly settings: EndpointSettings;
  /** When the samples are signed, unix ms. */
  readonly now: number;
  /** Two of the right shape: whatever binds a signature to one endpoint (PayPal: webhook ids). The first signs. */
  readonly secrets: readonly [string, string];
  /** A request as the processor would send it: POST, our URL, all its headers, signed with `secret` at `now`. */
  sign(body: Buffer, secret: string, now: number): WebhookRequest;
  /** The context in which all of `secrets` are valid at `now`; secret ids are `s0`, `s1` … in that order. */
  context(secrets: readonly string[], now: number): VerifyContext;
  /** One event that moves money; `n` tells events (and their objects) apart. */
  money(n: number): Buffer;
  /** The same event as `money(n)` in the bytes of a later try: other bytes, same content. */
  retried(n: number): Buffer;
  /** The event id of `money(n)` with other content: another amount. */
  altered(n: number): Buffer;
  /** A readable event of a type nobody knows. */
  unknownType(): Buffer;
  /** Positions in the body that the signature covers; undefined where it covers every byte. */
  coveredBytes?(request: WebhookRequest): readonly number[];
  /** Freshness window in ms of the signed time, each side; null where the scheme signs none. */
  readonly staleAfterMs: number | null;
  /** False where the event id comes outside the signature: `identify` must say so. */
  readonly idSigned: boolean;
  /** What `verify` says of an authentic request; `body` when absent. */
  readonly level?: AuthenticityLevel;
  /** What the processor's API answers about an event's object; absent where nothing has to be fetched. */
  fetched?(body: Buffer): Buffer;
  /** False where the secrets cannot be several at once, or where the verdict names none (certificates). */
  readonly namesSecret: boolean;
};
