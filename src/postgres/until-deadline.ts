import type { PoolClient } from 'pg';
import type { Clock } from '../clock.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Tx, withTransaction } from './sql.ts';

export type UntilDeadline = {
  connect(): Promise<PoolClient>;
  readonly clock: Clock;
  /** Unix ms past which the outcome is unknown. */
  readonly deadline: number;
  readonly log: Log;
};

/** @throws PosternError `commit_unknown` past the deadline; the connection is destroyed then. */
export async function connectionUntil<T>(context: UntilDeadline, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await beforeDeadline(connectOrRelease(context), context);
  let broken = true;
  try {
    const value = await beforeDeadline(work(client), context);
    broken = false;
    return value;
  } finally {
    // A connection that overran the deadline or failed is destroyed: its statement may still be running.
    client.release(broken);
    if (broken) destroySocket(client);
  }
}

/** As withTransaction. @throws PosternError `commit_unknown` past the deadline; the connection is destroyed then. */
export async function transactionUntil<T>(context: UntilDeadline, work: (tx: Tx) => Promise<T>): Promise<T> {
  let held: PoolClient | undefined;
  const connect = async (): Promise<PoolClient> => {
    held = await connectOrRelease(context);
    return held;
  };
  let over = false;
  const run = withTransaction({ connect }, work).finally(() => {
    over = true;
  });
  try {
    return await beforeDeadline(run, context);
  } finally {
    // Its statement fails by this, and whoever runs it gives the connection back as broken.
    if (!over && held !== undefined) destroySocket(held);
  }
}

/** A connection that arrives after its deadline goes back to the pool instead of leaking. */
function connectOrRelease(context: UntilDeadline): Promise<PoolClient> {
  return context.connect().then((client) => {
    if (context.clock.now() > context.deadline) {
      client.release();
      throw deadlinePassed();
    }
    return client;
  });
}

function destroySocket(client: PoolClient): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
  connection?.stream?.destroy();
}

async function beforeDeadline<T>(work: Promise<T>, context: UntilDeadline): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(deadlinePassed()), Math.max(0, context.deadline - context.clock.now()));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // The loser of the race must not become an unhandled rejection.
    work.catch((error: unknown) =>
      context.log.debug({ error: messageOf(error) }, 'an attempt ended after its deadline'),
    );
  }
}

function deadlinePassed(): PosternError {
  return new PosternError('commit_unknown', 'not durable within the deadline; deliver again');
}
