import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Sql, sqlStateOf } from '../postgres/sql.ts';
import {
  detachDay,
  dropDay,
  dropKeptStep,
  finalizeDay,
  keepDuplicatesStep,
  keepEventsStep,
  noteBegun,
  noteVanished,
  type OldDay,
  removeFetchedStep,
  type Step,
  selectDayState,
  selectOldDays,
  startOf,
} from './retention-store.ts';

export type BodyRemovalOptions = {
  readonly retentionDays: number;
  readonly log: Log;
  /** Asked between two statements: what is not begun is left to the next turn. */
  readonly stopping: () => boolean;
};

const DAYS_A_TURN = 10;
const EVENTS_A_STEP = 1_000;
/** An answer may be 16 MiB, and a step must end within the session's statement_timeout. */
const FETCHED_A_STEP = 100;
const STEPS_A_TURN = 1_000;
const TRIES = 3;
const PAUSE_MS = 250;
const NIL = '00000000-0000-0000-0000-000000000000';

/**
 * One turn of removing days past the retention. A day goes in two turns: in the first, what is needed of it is copied and
 * its table leaves the partitions; in a later one, what became needed meanwhile is copied too and the table is dropped.
 * Every step may be broken off at any instant: the next turn finds the state in the catalogue and goes on.
 *
 * `sql` is a session of its own, as the owner, outside a transaction, with a short lock_timeout, alone at this.
 * @throws PosternError `overloaded` when somebody held a day: the rest was done, the next turn tries it again.
 */
export async function removeOldBodies(sql: Sql, options: BodyRemovalOptions): Promise<void> {
  const { retentionDays, stopping } = options;
  await noteVanished(sql);
  const held: string[] = [];
  let blocked = false;
  for (const old of await selectOldDays(sql, retentionDays, DAYS_A_TURN)) {
    if (stopping()) return;
    // One day at a time may be half detached: while it is, Postgres lets no other begin.
    if (blocked && old.state === 'attached') continue;
    const why = await advanceTrying(sql, old, options);
    if (why === null) continue;
    held.push(`${old.table} (${why})`);
    blocked ||= old.state !== 'detached';
  }
  await dropUnneeded(sql, options);
  await removeFetched(sql, options);
  if (held.length > 0) {
    throw new PosternError('overloaded', `in use, tried again at the next turn: ${held.join(', ')}`);
  }
}

/** Null when the day went one step on; else why it could not. */
async function advanceTrying(sql: Sql, old: OldDay, options: BodyRemovalOptions): Promise<string | null> {
  for (let tries = 1; ; tries += 1) {
    // A detaching that timed out may have come half way: what is next is asked anew each time.
    const state = tries === 1 ? old.state : await selectDayState(sql, old.table);
    try {
      if (state !== null) await advance(sql, { ...old, state }, { ...options, first: old.state });
      return null;
    } catch (error) {
      if (!isHeld(error)) throw error;
      if (tries >= TRIES || options.stopping()) return messageOf(error);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * tries));
  }
}

async function advance(
  sql: Sql,
  old: OldDay,
  options: BodyRemovalOptions & { readonly first: OldDay['state'] },
): Promise<void> {
  switch (old.state) {
    case 'attached':
      await noteBegun(sql, old.day);
      if (await keepNeeded(sql, old, options)) await detachDay(sql, old);
      return;
    case 'pending':
      await finalizeDay(sql, old);
      return;
    case 'detached': {
      // What left the partitions in this very turn may have been read a moment ago by somebody who now writes a conflict.
      if (options.first !== 'detached' || !(await keepNeeded(sql, old, options))) return;
      const kept = await dropDay(sql, old);
      options.log.info({ day: old.day, kept: Number(kept) }, 'a day of deliveries was removed');
      return;
    }
  }
}

/** True when all of the day was looked at. */
async function keepNeeded(sql: Sql, old: OldDay, { stopping }: BodyRemovalOptions): Promise<boolean> {
  for (const step of [keepEventsStep, keepDuplicatesStep]) {
    const whole = await stepping((after) => step(sql, old, after, EVENTS_A_STEP), startOf(old.day), stopping);
    if (!whole) return false;
  }
  return true;
}

function dropUnneeded(sql: Sql, { retentionDays, stopping }: BodyRemovalOptions): Promise<boolean> {
  const step = (after: string) => dropKeptStep(sql, retentionDays, after, EVENTS_A_STEP);
  return stepping(step, NIL, boundedBy(STEPS_A_TURN, stopping));
}

function removeFetched(sql: Sql, { retentionDays, stopping }: BodyRemovalOptions): Promise<boolean> {
  const step = (after: string) => removeFetchedStep(sql, retentionDays, after, FETCHED_A_STEP);
  return stepping(step, NIL, boundedBy(STEPS_A_TURN, stopping), FETCHED_A_STEP);
}

function boundedBy(stepsMax: number, stopping: () => boolean): () => boolean {
  let steps = 0;
  return () => {
    steps += 1;
    return stopping() || steps > stepsMax;
  };
}

/** Step after step until one finds less than it may. False when stopped before. */
async function stepping(
  step: (after: string) => Promise<Step>,
  first: string,
  stopping: () => boolean,
  stepMax: number = EVENTS_A_STEP,
): Promise<boolean> {
  let after = first;
  for (;;) {
    if (stopping()) return false;
    const { scanned, last } = await step(after);
    if (scanned < stepMax || last === null) return true;
    after = last;
  }
}

/** 55P03: a lock was not to be had in time. 57014: the statement took too long. 55000: another day is pending. 40P01. */
function isHeld(error: unknown): boolean {
  return ['55P03', '57014', '55000', '40P01'].includes(sqlStateOf(error) ?? '');
}
