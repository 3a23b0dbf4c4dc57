/** The time, injected wherever it is needed: unix milliseconds. */
export type Clock = { now(): number };

export const systemClock: Clock = { now: () => Date.now() };
