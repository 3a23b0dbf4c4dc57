import type { DiscrepancyStatus } from '../../discrepancy-status.ts';
import type { Tx } from '../../postgres/sql.ts';
import { uuidv7 } from '../../uuid.ts';
import {
  addHistory,
  clearNetted,
  type Found,
  type HistoryEntry,
  lockStanding,
  type Standing,
  type Written,
  writeFound,
} from './discrepancy-store.ts';

const SYSTEM = 'system';

/**
 * Brings the list of discrepancies to what was found: new ones open, what comes back is reopened, what changed says so in its
 * history. What a person resolved stays resolved as long as it is the same and has not netted meanwhile. Returns the
 * id of each by its fingerprint.
 */
export async function keepFound(tx: Tx, found: readonly Found[], now: Date): Promise<Map<string, string>> {
  if (found.length === 0) return new Map();
  const standing = new Map(
    (
      await lockStanding(
        tx,
        found.map((one) => one.fingerprint),
      )
    ).map((one) => [one.fingerprint, one]),
  );
  const entries: HistoryEntry[] = [];
  const written = found.map((one): Written => {
    const before = standing.get(one.fingerprint);
    if (before === undefined) {
      const id = uuidv7(now.getTime());
      entries.push({ id, actor: SYSTEM, action: 'found', detail: { class: one.class, delta: String(one.delta) } });
      return { ...one, id, status: 'open' };
    }
    const { id } = before;
    const status = statusOf(before, one);
    const change = changeOf(before, one);
    if (status !== before.status) entries.push({ id, actor: SYSTEM, action: 'reopened', detail: change });
    else if (Object.keys(change).length > 0) entries.push({ id, actor: SYSTEM, action: 'changed', detail: change });
    return { ...one, id, status };
  });
  await writeFound(tx, written, now);
  await addHistory(tx, entries, now);
  return new Map(written.map(({ fingerprint, id }) => [fingerprint, id]));
}

export async function keepCleared(tx: Tx, ids: readonly string[], now: Date): Promise<void> {
  const cleared = await clearNetted(tx, [...new Set(ids)], now);
  await addHistory(
    tx,
    cleared.map((id) => ({ id, actor: SYSTEM, action: 'cleared', detail: {} })),
    now,
  );
}

function statusOf(before: Standing, now: Found): DiscrepancyStatus {
  switch (before.status) {
    case 'auto_cleared':
      return 'reopened';
    case 'resolved':
    case 'written_off':
      return before.cleared || Object.keys(changeOf(before, now)).length > 0 ? 'reopened' : before.status;
    default:
      return before.status;
  }
}

function changeOf(before: Standing, now: Found): Record<string, readonly [string, string]> {
  return {
    ...(before.class === now.class ? {} : { class: [before.class, now.class] as const }),
    ...(before.delta === String(now.delta) ? {} : { delta: [before.delta, String(now.delta)] as const }),
  };
}
