import type pg from 'pg';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import type { Entry, Leg } from '../../ledger/entry.ts';
import { deferredOrDead, type Ending } from '../interpret.ts';
import type { Finding } from '../rederive/finding.ts';
import { rederive } from '../rederive/rederive.ts';
import { onOneState, type PostedTransaction } from '../rederive/rederive-store.ts';
import { type Foreseen, foresee } from './foresee.ts';
import type { Meaning } from './meaning.ts';
import { onlyCounted, revivedOutcome, settledOutcome, sideOf } from './outcome.ts';
import type { Replayed, ShownPosting, ShownTransaction } from './replay.ts';
import { readMeanings } from './run-batch.ts';

export type DryRunParts = {
  /** Connected, and nobody else's: it is put into transactions that may only read. */
  readonly client: pg.Client;
  readonly endpoints: { byId(id: number): Endpoint | undefined };
  /** Unix ms: now. */
  readonly now: number;
};

/** Rederiving asks for less than this: later than whatever is received now. */
const AHEAD_MS = 60_000;

/**
 * What running events again would post, and how that differs from what is posted: in memory, on the books as they stand, by the
 * code that posts. Those that are through are derived again with all of their payment, too, so that what is posted under them and
 * the rules would not post any more is told. Changes nothing, and holds nothing.
 */
export async function dryRunBatch(ids: readonly string[], parts: DryRunParts): Promise<Replayed[]> {
  try {
    return await look(ids, parts);
  } catch (error) {
    // The connection is the lane's: left in its transaction, nothing could be noted on it any more.
    await parts.client.query('rollback');
    throw error;
  }
}

async function look(ids: readonly string[], parts: DryRunParts): Promise<Replayed[]> {
  const { meanings, foreseen } = await onOneState(parts.client, async (tx) => {
    const read = await readMeanings(tx, ids, parts, false);
    const posting = read.flatMap((one) =>
      one.kind !== 'left' && one.interpretation.kind === 'post' ? [one.interpretation] : [],
    );
    const results = posting.length === 0 ? [] : await foresee(tx, posting);
    return { meanings: read, foreseen: new Map(posting.map((one, n) => [one.event.id, results[n]])) };
  });
  const differences = await differencesOf(
    meanings.flatMap((one) => (one.kind === 'settled' ? [one.state.id] : [])),
    parts,
  );
  return meanings.map((one) => outcomeOf(one, foreseen.get(one.state.id), differences.get(one.state.id) ?? []));
}

/** How what is posted under these events differs from what the rules make of them, by event. */
async function differencesOf(
  settled: readonly string[],
  { client, endpoints, now }: DryRunParts,
): Promise<ReadonlyMap<string, Finding[]>> {
  const differences = new Map<string, Finding[]>();
  if (settled.length === 0) return differences;
  const range = { from: 0, to: now + AHEAD_MS, endpoints: null, limit: settled.length, only: settled };
  for await (const finding of rederive({ client, endpoints }, range)) {
    if (finding.event === null || finding.effectKey === null) continue;
    differences.set(finding.event, [...(differences.get(finding.event) ?? []), finding]);
  }
  return differences;
}

function outcomeOf(meaning: Meaning, foreseen: Foreseen | undefined, differences: readonly Finding[]): Replayed {
  const { state } = meaning;
  switch (meaning.kind) {
    case 'left':
      return onlyCounted(state.id);
    case 'revived': {
      const { interpretation } = meaning;
      const ending =
        interpretation.kind === 'end' ? interpretation.ending : endingForeseen(interpretation.event, foreseen);
      return withSides(revivedOutcome(state, ending, []), sidesOf(foreseen, []));
    }
    case 'settled': {
      const told = settledOutcome(meaning, foreseen, undefined, []);
      const sides = sidesOf(foreseen, differences);
      if (told.outcome === 'failed') return withSides(told, sides);
      if (foreseen?.kind === 'posts' && foreseen.fresh.some(({ legs }) => legs.length > 0)) {
        const after = { ...sideOf(state), reason: 'what is missing would be posted; its state stays' };
        return withSides({ event: state.id, outcome: 'posted', change: { before: sideOf(state), after } }, sides);
      }
      if (sides.before.length === 0 && sides.after.length === 0) return told;
      const reason = differences.find((one) => one.reason !== null)?.reason ?? 'the rules would post otherwise';
      const after = { ...sideOf(state), reason: `nothing would be posted, and what is posted stays: ${reason}` };
      return withSides({ event: state.id, outcome: 'unchanged', change: { before: sideOf(state), after } }, sides);
    }
  }
}

function endingForeseen(event: Parameters<typeof deferredOrDead>[0], foreseen: Foreseen | undefined): Ending {
  switch (foreseen?.kind) {
    case 'posts':
      if (!foreseen.moves) return { status: 'no_effect', reason: 'moves no money' };
      return { status: 'posted', reason: foreseen.fresh.length === 0 ? 'already_posted' : null };
    case 'waits':
      return deferredOrDead(event, {
        reason: `waits for ${foreseen.effectKey}`,
        waitingFor: 'object',
        waitingKey: foreseen.effectKey,
        until: null,
      });
    case 'conflict': {
      const message = `${foreseen.told.effectKey} is posted with other content; nothing of this event would be posted`;
      return { status: 'dead', code: 'conflicting_announcement', message };
    }
    case 'fails':
      return { status: 'dead', code: foreseen.code, message: foreseen.message };
    default:
      return { status: 'no_effect', reason: foreseen?.reason ?? 'moves no money' };
  }
}

type Sides = { readonly before: ShownTransaction[]; readonly after: ShownTransaction[] };

function withSides(replayed: Replayed, { before, after }: Sides): Replayed {
  const { change } = replayed;
  if (change === null) return replayed;
  return {
    ...replayed,
    change: {
      before: { ...change.before, transactions: before },
      after: { ...change.after, transactions: after },
    },
  };
}

/** Both sides of every effect in which the rules and the books differ. */
function sidesOf(foreseen: Foreseen | undefined, differences: readonly Finding[]): Sides {
  const before = new Map<string, ShownTransaction>();
  const after = new Map<string, ShownTransaction>();
  for (const { effectKey, transactions, derived, posted } of differences) {
    const key = effectKey ?? '';
    const about = { effect_key: key, kind: null };
    if (posted !== null) before.set(key, { id: transactions[0] ?? null, ...about, postings: posted.map(shownPosting) });
    if (derived !== null) after.set(key, { id: null, ...about, postings: derived.map(shownPosting) });
  }
  if (foreseen?.kind === 'posts') for (const entry of foreseen.fresh) after.set(entry.effectKey, shownEntry(entry));
  if (foreseen?.kind === 'conflict') {
    before.set(foreseen.stands.effectKey, shownStanding(foreseen.stands));
    after.set(foreseen.told.effectKey, shownEntry(foreseen.told));
  }
  return { before: [...before.values()], after: [...after.values()] };
}

const shownEntry = ({ effectKey, kind, legs }: Entry): ShownTransaction => ({
  id: null,
  effect_key: effectKey,
  kind,
  postings: legs.map(shownPosting),
});

const shownStanding = ({ id, effectKey, kind, legs }: PostedTransaction): ShownTransaction => ({
  id,
  effect_key: effectKey,
  kind,
  postings: legs.map(shownPosting),
});

function shownPosting({ account, amount, currency, reference, component }: Leg): ShownPosting {
  return {
    account: account.path,
    direction: amount > 0n ? 'debit' : 'credit',
    amount: String(amount < 0n ? -amount : amount),
    currency,
    reference,
    component,
  };
}
