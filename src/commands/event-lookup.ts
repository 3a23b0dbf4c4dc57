import { type EventRow, selectEvent, selectEvents } from '../api/event-store.ts';
import { PosternError } from '../errors.ts';
import type { Sql } from '../postgres/sql.ts';
import { isUuid } from '../uuid.ts';

/** By the provider's id there is one event an endpoint, and a conflicting one beside it at most. */
const SAME_ID_MAX = 10;

/** An event by its id, or the provider's. @throws PosternError `not_found`; `invalid_request` where it is not one. */
export async function findEvent(sql: Sql, id: string): Promise<EventRow> {
  const row = isUuid(id) ? await selectEvent(sql, id) : undefined;
  const page = { order: 'newest', beyond: null, limit: SAME_ID_MAX } as const;
  const rows = row === undefined ? await selectEvents(sql, { event_id: id }, page) : [row];
  const [found, another] = rows;
  if (found === undefined) throw new PosternError('not_found', `there is no event ${id}`);
  if (another !== undefined) {
    throw new PosternError(
      'invalid_request',
      `${id} came to several endpoints or with different content; name one of ${rows.map((one) => one.id).join(', ')}`,
    );
  }
  return found;
}
