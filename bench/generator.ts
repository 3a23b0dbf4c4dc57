import { type LoadPlan, type LoadResult, runLoad } from './load.ts';
import { makeRequests, type RequestPool, type RequestShape } from './requests.ts';

/** The generator's process: signs when told to, sends when told to, and never both at once. */
export type GeneratorOrder =
  | { readonly kind: 'make'; readonly shape: RequestShape }
  | { readonly kind: 'load'; readonly plan: LoadPlan };

export type GeneratorAnswer =
  | { readonly kind: 'made' }
  | { readonly kind: 'loaded'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly message: string };

let pool: RequestPool | undefined;
let next = 0;

async function obey(order: GeneratorOrder): Promise<GeneratorAnswer> {
  if (order.kind === 'make') {
    pool = makeRequests(order.shape);
    return { kind: 'made' };
  }
  if (pool === undefined) throw new RangeError('there are no requests to send');
  const result = await runLoad(pool, order.plan, order.plan.from ?? next);
  next = result.next;
  return { kind: 'loaded', result };
}

process.on('message', (order: GeneratorOrder) => {
  obey(order)
    .catch((error: unknown): GeneratorAnswer => ({ kind: 'failed', message: String(error) }))
    .then((answer) => process.send?.(answer));
});
// An orphan would go on sending.
process.on('disconnect', () => process.exit(0));
