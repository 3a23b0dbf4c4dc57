import type { Tx } from '../postgres/sql.ts';
import { zoneOfDay } from './accounting-day.ts';
import { chart } from './chart.ts';
import { isFeeLook, lookedAt } from './draft.ts';
import { type Entry, reversalOf } from './entry.ts';
import { feesOf } from './fee-store.ts';
import { linesOf } from './ledger-store.ts';
import { FEE_RECOGNISED } from './line-rules.ts';
import { type Asked, entryOf, paymentKey } from './payment-state.ts';

/**
 * A fee is announced by a webhook or the API, or it is not: then its settlement line is the first to tell it, and recognises
 * it as an expense. The first announcement takes back every recognition of its reference, and later lines recognise nothing.
 * So with an announcement the expense is what was announced and the open item what the report says otherwise; without one
 * the expense is the report's; in any order.
 */
export type FeeState = {
  /** Effect keys of all that was announced or recognised, also where it was taken back since: told again, a replay. */
  readonly known: Set<string>;
  /** An announcement stands. */
  announced: boolean;
  /** What lines recognised and nothing took back, by effect key. */
  readonly recognised: Map<string, Recognition>;
};

type Recognition = Pick<Entry, 'id' | 'effectKey' | 'at' | 'legs'> & { readonly zone: string | null };

const FEE_KNOWN = 'payment.fee_known';

/** What the drafts of a batch need to see of the fees of their references, which are locked. By `paymentKey`. */
export async function readFees(tx: Tx, all: readonly Asked[]): Promise<ReadonlyMap<string, FeeState>> {
  const fees = new Map<string, FeeState>();
  const byPath = new Map<string, Map<string, string>>();
  for (const asked of all) {
    const { look } = asked.draft;
    if (!isFeeLook(look)) continue;
    fees.set(paymentKey(asked), { known: new Set(), announced: false, recognised: new Map() });
    const { path } = chart.processorPending(asked.context);
    byPath.set(path, (byPath.get(path) ?? new Map<string, string>()).set(lookedAt(look), paymentKey(asked)));
  }
  const standing = new Map<string, { state: FeeState; recognition: Recognition }>();
  for (const [pending, references] of byPath) {
    const kinds = [FEE_KNOWN, FEE_RECOGNISED];
    for (const fee of await feesOf(tx, { pending, references: [...references.keys()], kinds })) {
      const state = fees.get(references.get(fee.reference) ?? '');
      if (state === undefined) continue;
      state.known.add(fee.effectKey);
      if (fee.reversed) continue;
      if (fee.kind === FEE_KNOWN) state.announced = true;
      else {
        const { id, effectKey } = fee;
        const at = fee.at.getTime();
        const zone = zoneOfDay(at, fee.accountingDate);
        standing.set(id, { state, recognition: { id, effectKey, at, zone, legs: [] } });
      }
    }
  }
  if (standing.size === 0) return fees;
  for (const { transactionId, line } of await linesOf(tx, [...standing.keys()])) {
    const found = standing.get(transactionId);
    if (found === undefined) continue;
    const { state, recognition } = found;
    const legs = [...(state.recognised.get(recognition.effectKey)?.legs ?? []), line];
    state.recognised.set(recognition.effectKey, { ...recognition, legs });
  }
  return fees;
}

/** What a fee's draft becomes, and what is remembered of it for those after it in the batch. */
export function answerFee(asked: Asked, state: FeeState, newId: () => string): readonly Entry[] {
  const { draft } = asked;
  const own = entryOf(asked, draft, newId());
  const recognises = draft.look?.kind === 'fee_recognised';
  if (state.known.has(own.effectKey)) return recognises && state.announced ? [] : [own];
  if (recognises) {
    if (state.announced) return [];
    state.known.add(own.effectKey);
    state.recognised.set(own.effectKey, { ...own, zone: own.zone ?? null });
    return [own];
  }
  state.known.add(own.effectKey);
  state.announced = true;
  const taken = [...state.recognised.values()].map((recognition) =>
    reversalOf(recognition, { id: newId(), kind: 'fee.recognition_reversed', zone: recognition.zone }),
  );
  state.recognised.clear();
  return [own, ...taken];
}
