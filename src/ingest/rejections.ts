import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Sql } from '../postgres/sql.ts';
import type { RejectReason } from '../providers/provider.ts';
import { uuidv7 } from '../uuid.ts';
import { createGatheredCounts } from './gathered-counts.ts';
import { addRejected } from './minutes-store.ts';

/** Why a request to an endpoint of ours was refused: the adapter's reasons, and those of the gateway itself. */
export type Rejection = RejectReason | 'empty_body' | 'too_large' | 'too_many_failures' | 'unknown_endpoint';

/** Refused requests by endpoint, reason and minute: refusing costs the request no database work. */
export type Rejections = {
  count(endpointId: number, reason: Rejection): void;
  close(): Promise<void>;
};

export function createRejections({
  sql,
  clock,
  log,
}: {
  readonly sql: Sql;
  readonly clock: Clock;
  readonly log: Log;
}): Rejections {
  const writer = uuidv7(clock.now());
  const counts = createGatheredCounts<{ endpointId: number; reason: Rejection; requests: number }>({
    what: 'refused requests',
    write: (held) => addRejected(sql, [...held.values()], writer),
    sum: (a, b) => ({ ...a, requests: a.requests + b.requests }),
    log,
  });
  return {
    count: (endpointId, reason) => counts.add(`${endpointId} ${reason}`, { endpointId, reason, requests: 1 }),
    close: () => counts.close(),
  };
}
