import type { EndpointSettings, Provider } from '../providers/provider.ts';

/** A webhook address: which processor calls it, for which account, with which settings and secrets. */
export type Endpoint = {
  readonly id: number;
  readonly provider: Provider;
  readonly name: string;
  /** The processor account in effect keys and ledger paths; several endpoints may share one. */
  readonly account: string;
  /** Credentials included: never shown, never logged. */
  readonly settings: EndpointSettings;
  readonly disabled: boolean;
  readonly secrets: readonly StoredSecret[];
};

/** Times are unix milliseconds; null is without that end. */
export type StoredSecret = {
  /** A UUID. */
  readonly id: string;
  readonly secret: string;
  readonly notBefore: number | null;
  readonly notAfter: number | null;
};
