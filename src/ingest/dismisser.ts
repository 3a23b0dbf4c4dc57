import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { createNudgedPause } from '../nudged-pause.ts';
import type { Dismissals } from './dismissals.ts';

export type Dismisser = {
  /** Works on what is asked for. */
  start(): void;
  /** Finishes the batch in hand. */
  stop(): Promise<void>;
};

const POLL_MS = 1_000;

/** Works orders to dismiss many off, batch by batch, beside whoever else does: a batch belongs to the transaction that took it. */
export function createDismisser({
  dismissals,
  log,
}: {
  readonly dismissals: Pick<Dismissals, 'step'>;
  readonly log: Log;
}): Dismisser {
  const rest = createNudgedPause();
  let stopping = false;
  let running: Promise<void> = Promise.resolve();

  async function loop(): Promise<void> {
    while (!stopping) {
      let worked = false;
      try {
        worked = await dismissals.step(null);
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'dead letters could not be dismissed; it is tried again');
      }
      if (!worked && !stopping) await rest.take(POLL_MS);
    }
  }

  return {
    start() {
      running = loop();
    },
    async stop() {
      stopping = true;
      rest.nudge();
      await running;
    },
  };
}
