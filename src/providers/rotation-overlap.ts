import type { ProviderFacts } from './provider.ts';

const HOUR_MS = 3_600_000;
/** Who rolls a secret changes it on the processor's side by hand: where nothing is documented, that person gets a day. */
const UNDOCUMENTED_HOURS_MIN = 24;

/**
 * How long an old secret stays good after a new one was made. Undocumented, it is as long as the processor tries to deliver:
 * a retry may carry the signature of its first attempt, and a refused last retry is an event lost.
 */
export function rotationOverlapMs({
  rotationOverlapHours,
  retryHorizonHours,
}: Pick<ProviderFacts, 'rotationOverlapHours' | 'retryHorizonHours'>): number {
  return (rotationOverlapHours ?? Math.max(retryHorizonHours, UNDOCUMENTED_HOURS_MIN)) * HOUR_MS;
}
