import { serviceCalls, type Transfer } from './service-calls.ts';

export type TransferLoad = {
  /** Keys that were answered 200 or 202. */
  readonly answered: ReadonlySet<string>;
  readonly odd: readonly number[];
  inFlight(): number;
  readonly ended: Promise<void>;
};

/** Sends each of these until the gateway is gone; what got no answer before is sent again under its own key. */
export function startTransferLoad(
  origin: string,
  transfers: readonly (Transfer & { key: string })[],
  connections: number,
): TransferLoad {
  const calls = serviceCalls([origin]);
  const answered = new Set<string>();
  const odd: number[] = [];
  let next = 0;
  let flying = 0;
  let gone = false;
  async function sendSome(): Promise<void> {
    while (!gone) {
      const one = transfers[next];
      if (one === undefined) return;
      next += 1;
      flying += 1;
      try {
        const { status } = await calls.transfer(one);
        if (status === 200 || status === 202) answered.add(one.key);
        else if (status !== 503) odd.push(status);
      } catch {
        gone = true; // Its connection broke: the gateway was killed.
      }
      flying -= 1;
    }
  }
  const ended = Promise.all(Array.from({ length: connections }, sendSome)).then(() => undefined);
  return { answered, odd, inFlight: () => flying, ended };
}
