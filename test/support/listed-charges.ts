import type { ApiCalls } from '../../src/api-calls.ts';
import { chargeSucceeded } from './stripe-bodies.ts';

const PAGE = 20;
const PAGE_MS = 20;

/** Stripe's list of events as far as a backfill asks it: `charges` of them, twenty a page, newest first. */
export function listedCharges({ charges, at }: { charges: number; at: number }): ApiCalls {
  return async (_provider, { path }) => {
    await new Promise((resolve) => setTimeout(resolve, PAGE_MS));
    const answer = (data: readonly string[], more: boolean) => ({
      status: 200,
      headers: {},
      body: Buffer.from(`{"object":"list","data":[${data.join(',')}],"has_more":${more}}`),
    });
    if (!path.startsWith('/v1/events?')) return answer([], false);
    const after = /starting_after=evt_l(\d+)/.exec(path)?.[1];
    const first = after === undefined ? charges : Number(after) - 1;
    const last = Math.max(1, first - PAGE + 1);
    const events: string[] = [];
    for (let n = first; n >= last; n -= 1)
      events.push(chargeSucceeded(`l${n}`).replaceAll('"created":1767225600', `"created":${at}`));
    return answer(events, last > 1);
  };
}
