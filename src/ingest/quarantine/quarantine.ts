import type pg from 'pg';
import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Metrics } from '../../metrics.ts';
import { halving } from '../../postgres/halving.ts';
import { isDataError, withTransaction } from '../../postgres/sql.ts';
import { uuidv7Bytes } from '../../uuid.ts';
import { storableText } from '../read-events.ts';
import { storedHeaders } from '../stored-headers.ts';
import { createFairQueue } from './fair-queue.ts';
import { keepRefused, QUARANTINE_CAPS, type QuarantineCaps, type QuarantineRow } from './quarantine-store.ts';
import { isReadable, mayBeGenuine, type RefusedRequest } from './refused-request.ts';

/** Keeps refused requests that look like the processor's. */
export type Quarantine = {
  /** Called after the answer was sent; costs no database work, and never throws. */
  offer(refused: RefusedRequest): void;
  start(): void;
  /** Writes what is in hand, as far as that is quickly done. */
  stop(): Promise<void>;
};

export type QuarantineParts = {
  readonly pool: pg.Pool;
  /** Makes the storable form of a credential header: `hmac-sha256:…`. */
  readonly hashCredential: (value: string) => string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Other caps than its own: tests only. */
  readonly caps?: QuarantineCaps;
};

const WAITING_MAX = 1_000;
const WAITING_BYTES_MAX = 16 * 1024 * 1024;
/** 50 a second: a flood of forgeries must not become a load on the database. */
const EVERY_MS = 200;
const AT_ONCE = 10;
/** After a failure the database is left in peace for so long. */
const REST_MS = 2_000;
const STOP_WITHIN_MS = 2_000;
const STOP_AT_ONCE = 100;
const DETAIL_BYTES_MAX = 512;

type Kept = { readonly refused: RefusedRequest; readonly row: QuarantineRow };

/** One writer on one connection, behind a queue in memory. */
export function createQuarantine(parts: QuarantineParts): Quarantine {
  const { clock, log, metrics, pool } = parts;
  const caps = parts.caps ?? QUARANTINE_CAPS;
  const queue = createFairQueue<Kept>({ itemsMax: WAITING_MAX, bytesMax: WAITING_BYTES_MAX });
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | null = null;
  let restUntil = 0;
  let stopped = false;

  function offer(refused: RefusedRequest): void {
    if (stopped || !mayBeGenuine(refused)) return;
    try {
      push({ refused, row: rowOf(refused, parts.hashCredential, clock.now()) });
    } catch (error) {
      dropped('failed', 1);
      log.debug({ error: messageOf(error) }, 'a refused request could not be kept');
    }
  }

  function push(kept: Kept): void {
    const { refused, row } = kept;
    const gone = queue.push(`${refused.endpoint.id} ${refused.reason}`, kept, row.body.length + row.headers.length);
    dropped('queue_full', gone.length);
    metrics.quarantineWaiting.set(queue.size());
  }

  function dropped(why: 'queue_full' | 'unreadable' | 'sampled' | 'failed', count: number): void {
    if (count > 0) metrics.quarantineDropped.inc({ why }, count);
  }

  function turn(): void {
    if (writing !== null || queue.size() === 0 || performance.now() < restUntil) return;
    writing = write(AT_ONCE).finally(() => {
      writing = null;
    });
  }

  /** Never rejects: what could not be written waits on, where the database is away; what Postgres refuses is gone. */
  async function write(limit: number): Promise<void> {
    const taken = queue.take(limit);
    const readable = taken.filter(({ refused }) => canBeRead(refused));
    dropped('unreadable', taken.length - readable.length);
    for (const [endpointId, group] of Map.groupBy(readable, ({ refused }) => refused.endpoint.id)) {
      try {
        await writeOf(endpointId, group);
      } catch (error) {
        log.warn({ error: messageOf(error), requests: group.length }, 'refused requests could not be kept yet');
        restUntil = performance.now() + REST_MS;
        for (const kept of group) push(kept);
      }
    }
    metrics.quarantineWaiting.set(queue.size());
  }

  async function writeOf(endpointId: number, group: readonly Kept[]): Promise<void> {
    await halving(group, {
      async work(some) {
        const rows = some.map(({ row }) => row);
        const count = await withTransaction(pool, (tx) => keepRefused(tx, endpointId, rows, caps));
        const [first] = some;
        if (first !== undefined) {
          const { provider, name } = first.refused.endpoint;
          metrics.quarantined.inc({ provider: provider.name, endpoint: name }, count);
        }
        dropped('sampled', some.length - count);
      },
      blames: isDataError,
      onHalved: () => undefined,
      onGuilty(_, error) {
        dropped('failed', 1);
        log.warn({ error: messageOf(error) }, 'a refused request could not be kept');
      },
    });
  }

  return {
    offer,
    start() {
      timer ??= setInterval(turn, EVERY_MS);
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await writing;
      const until = performance.now() + STOP_WITHIN_MS;
      while (queue.size() > 0 && performance.now() < until && performance.now() >= restUntil) await write(STOP_AT_ONCE);
      if (queue.size() > 0) log.warn({ requests: queue.size() }, 'refused requests were not kept: the gateway stops');
    },
  };
}

/** Anybody's bytes, before an adapter that expects to be asked of authentic ones: where it throws, nothing but this request may end. */
function canBeRead(refused: RefusedRequest): boolean {
  try {
    return isReadable(refused);
  } catch {
    return false;
  }
}

function rowOf(
  { endpoint, request, reason, detail }: RefusedRequest,
  hashCredential: (value: string) => string,
  now: number,
): QuarantineRow {
  const receivedAt = request.receivedAt ?? now;
  return {
    id: uuidv7Bytes(receivedAt),
    receivedAt,
    reason,
    detail: storableText(detail, DETAIL_BYTES_MAX),
    method: request.method,
    origin: request.url.slice(0, request.url.length - request.path.length),
    path: request.path,
    sourceIp: request.sourceIp,
    headers: JSON.stringify(storedHeaders(request.headers, endpoint.provider.secretHeaders, hashCredential)),
    // A copy: the request's own may be a view of a much larger buffer, which would be held as long.
    body: Buffer.from(request.body),
  };
}
