import type { Metrics, ShedLimit } from '../metrics.ts';

export type AdmissionLimits = {
  /** Requests not yet answered. */
  readonly requestsMax: number;
  /** Bytes of bodies held. */
  readonly bytesMax: number;
  /** Age of the oldest request that waits for its commit, ms. */
  readonly waitingMsMax: number;
};

export const ADMISSION_LIMITS = { requestsMax: 2_000, bytesMax: 64 * 1024 * 1024, waitingMsMax: 3_000 } as const;

/**
 * Overload is not loss: past a limit a request is refused before it costs anything, and the processor delivers again.
 */
export type Admission = {
  /** Takes a request in, or says which limit it is over. `bytes` is its content-length, 0 where it tells none. */
  enter(bytes: number): ShedLimit | null;
  /** More bytes than announced came in; false when they are too many. */
  grow(bytes: number): boolean;
  leave(bytes: number): void;
  inFlight(): { requests: number; bytes: number };
};

export function createAdmission(
  limits: AdmissionLimits,
  waiting: { since(): number | null; now(): number },
  metrics: Metrics,
): Admission {
  let requests = 0;
  let bytes = 0;

  function publish(): void {
    metrics.inFlightRequests.set(requests);
    metrics.inFlightBytes.set(bytes);
  }

  return {
    enter(more) {
      const since = waiting.since();
      if (requests >= limits.requestsMax) return 'requests';
      if (bytes + more > limits.bytesMax) return 'bytes';
      if (since !== null && waiting.now() - since > limits.waitingMsMax) return 'waiting';
      requests += 1;
      bytes += more;
      publish();
      return null;
    },
    grow(more) {
      bytes += more;
      return bytes <= limits.bytesMax;
    },
    leave(held) {
      requests -= 1;
      bytes -= held;
      publish();
    },
    inFlight: () => ({ requests, bytes }),
  };
}
