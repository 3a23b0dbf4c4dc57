import type pg from 'pg';
import { messageOf } from './errors.ts';
import type { Log } from './log.ts';

/** Registers what to do when another instance announces a change on `channel`. */
export type OnChange = (channel: string, changed: () => void) => void;

export type ChangeListener = { on: OnChange; start(): void; stop(): Promise<void> };

const RETRY_MS = 2_000;
const CHANNEL = /^[a-z_]{1,63}$/;

/**
 * One connection that LISTENs for all. It only makes changes arrive sooner: everybody who listens also looks by itself
 * every few seconds, so a lost notification or connection costs nothing but that.
 */
export function createChangeListener({ connect, log }: { connect: () => pg.Client; log: Log }): ChangeListener {
  const listeners = new Map<string, (() => void)[]>();
  let client: pg.Client | null = null;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function open(): Promise<void> {
    const made = connect();
    client = made;
    let lost = false;
    const onLost = (error?: Error): void => {
      if (lost || stopped) return;
      lost = true;
      if (error !== undefined) log.debug({ err: error }, 'the listening connection was lost; it is opened again');
      timer = setTimeout(() => void open(), RETRY_MS);
      timer.unref();
    };
    made.on('error', onLost);
    made.on('end', () => onLost());
    made.on('notification', ({ channel }) => {
      for (const changed of listeners.get(channel) ?? []) changed();
    });
    try {
      await made.connect();
      for (const channel of listeners.keys()) await made.query(`listen ${channel}`);
      // What was announced while nobody listened is looked up now.
      for (const changed of [...listeners.values()].flat()) changed();
    } catch (error) {
      onLost(error instanceof Error ? error : new Error(messageOf(error)));
      await made
        .end()
        .catch((ending: unknown) => log.debug({ error: messageOf(ending) }, 'a broken connection did not end'));
    }
  }

  return {
    on(channel, changed) {
      // The name goes into the statement's text: LISTEN takes no parameters.
      if (!CHANNEL.test(channel)) throw new TypeError(`"${channel}" is no channel name`);
      // What is registered later would never be listened for.
      if (client !== null) throw new TypeError(`the connection listens already: "${channel}" comes too late`);
      listeners.set(channel, [...(listeners.get(channel) ?? []), changed]);
    },
    start() {
      void open();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await client
        ?.end()
        .catch((error: unknown) => log.debug({ error: messageOf(error) }, 'the listening connection did not end'));
    },
  };
}
