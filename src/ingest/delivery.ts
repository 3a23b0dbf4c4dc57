import type { Endpoint } from '../endpoints/endpoint.ts';
import type { AuthenticityLevel } from '../providers/provider.ts';

/** How what a processor's API listed is told from what its webhooks brought, which are always posted. */
export const LISTED_METHOD = 'GET';

/** One verified request on its way into the database. */
export type Delivery = {
  /** UUIDv7 bytes; its millisecond is `receivedAt`. */
  readonly id: Buffer;
  /** Unix milliseconds. */
  readonly receivedAt: number;
  readonly endpoint: Endpoint;
  readonly method: string;
  readonly path: string;
  readonly sourceIp: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  /** The bytes that were signed. */
  readonly body: Buffer;
  readonly sha256: Buffer;
  readonly level: AuthenticityLevel;
  readonly secretId: string | null;
  readonly events: readonly IncomingEvent[];
  /** Where its reception is traced (tracing.ts). */
  readonly trace?: Buffer | null;
};

/** One event of a delivery as a row of `events`. */
export type IncomingEvent = {
  /** UUIDv7 bytes. */
  readonly id: Buffer;
  readonly item: number;
  /** The transport id, safe to store: `sha256:…` of itself where it held what Postgres refuses, or was too long. */
  readonly eventId: string;
  /** Empty, or the content fingerprint where the id is unsigned. */
  readonly variant: Buffer;
  readonly transmissionId: string | null;
  readonly type: string;
  readonly apiVersion: string | null;
  readonly live: boolean | null;
  readonly account: string;
  readonly occurredAt: number | null;
  /** Set where the body is authentic but cannot be read: stored dead, for a person. */
  readonly unreadable: string | null;
  fingerprint(): Buffer;
};

/** What became of a delivery: durable, whatever of it was new. */
export type Accepted = {
  /** Events of this delivery that are new. */
  readonly stored: number;
  readonly duplicates: number;
  readonly conflicts: number;
};
