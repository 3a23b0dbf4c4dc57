import type pg from 'pg';
import { insertAudit } from '../../audit-store.ts';
import type { Clock } from '../../clock.ts';
import { PosternError } from '../../errors.ts';
import { sqlOf, withTransaction } from '../../postgres/sql.ts';
import { isUuid, uuidv7 } from '../../uuid.ts';
import { type EventFilter, readEventFilter } from '../event-filter.ts';
import { storableText } from '../read-events.ts';
import { REPLAY_RATE_DEFAULT, REPLAY_RATE_MAX, type ReplayTarget } from './replay.ts';
import { cancelReplay, countUnfinished, insertReplay, selectEventStatus } from './replay-store.ts';

export type ReplayWish = {
  readonly target: ReplayTarget;
  readonly reason: string;
  readonly dryRun: boolean;
  /** Events a second. */
  readonly rate?: number | undefined;
};

export type ReplayRequests = {
  /** The new replay's id. @throws PosternError `not_found`, `invalid_request`, `conflict` where the event is not to be run again. */
  ask(wish: ReplayWish, actor: string): Promise<string>;
  /** @throws PosternError `conflict` where it is over. */
  cancel(id: string, actor: string): Promise<void>;
};

const REASON_CHARS_MAX = 1_000;
/** More than so many characters take. */
const REASON_BYTES_MAX = 4 * (REASON_CHARS_MAX + 1);
/** The lane is one: more than this would only wait for each other. */
const UNFINISHED_MAX = 100;

/** What a person asks of replays; the work itself is the lane's. */
export function createReplayRequests({
  pool,
  clock,
}: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
}): ReplayRequests {
  async function ask(
    { target, reason, dryRun, rate = REPLAY_RATE_DEFAULT }: ReplayWish,
    actor: string,
  ): Promise<string> {
    const why = storableText(reason.trim(), REASON_BYTES_MAX);
    const filter = 'filter' in target ? readEventFilter(target.filter) : {};
    const faults = [
      ...(why === '' ? [{ path: '/reason', message: 'must say why' }] : []),
      ...(why.length <= REASON_CHARS_MAX
        ? []
        : [{ path: '/reason', message: `must have at most ${REASON_CHARS_MAX} characters` }]),
      ...(Number.isInteger(rate) && rate >= 1 && rate <= REPLAY_RATE_MAX
        ? []
        : [{ path: '/rate', message: `must be from 1 to ${REPLAY_RATE_MAX} events a second` }]),
      // Forgotten, it would mean every event there ever was.
      ...('event' in target || Object.keys(filter).length > 0
        ? []
        : [{ path: '/filter', message: 'must name at least one thing, such as status or from' }]),
    ];
    const [first] = faults;
    if (first !== undefined) throw new PosternError('invalid_request', `${first.path} ${first.message}`, { faults });
    const event = 'event' in target ? target.event : null;
    if (event !== null) await refuseUnfit(event);
    return insert({ event, filter, reason: why, dryRun, rate }, actor);
  }

  async function refuseUnfit(id: string): Promise<void> {
    const found = isUuid(id) ? await selectEventStatus(sqlOf(pool), id) : undefined;
    if (found === undefined) throw new PosternError('not_found', `there is no event ${id}`);
    if (found.status === 'no_effect' && found.reason?.startsWith('dismissed') === true)
      throw new PosternError('conflict', `event ${id} was ${found.reason}: what a person dismissed is not run again`);
  }

  async function insert(
    wish: { event: string | null; filter: EventFilter; reason: string; dryRun: boolean; rate: number },
    actor: string,
  ): Promise<string> {
    const id = uuidv7(clock.now());
    await withTransaction(pool, async (tx) => {
      if ((await countUnfinished(tx, UNFINISHED_MAX)) >= UNFINISHED_MAX)
        throw new PosternError('conflict', `${UNFINISHED_MAX} replays are not over yet: wait, or cancel some`);
      await insertReplay(tx, { id, ...wish, actor });
      const { event, filter, dryRun, rate } = wish;
      await insertAudit(tx, {
        actor,
        action: 'replay.create',
        subject: `replay:${id}`,
        reason: wish.reason,
        details: { ...(event === null ? { filter } : { event }), dry_run: dryRun, rate },
      });
    });
    return id;
  }

  async function cancel(id: string, actor: string): Promise<void> {
    await withTransaction(pool, async (tx) => {
      if (!(await cancelReplay(tx, id))) throw new PosternError('conflict', `replay ${id} is over`);
      await insertAudit(tx, { actor, action: 'replay.cancel', subject: `replay:${id}` });
    });
  }

  return { ask, cancel };
}
