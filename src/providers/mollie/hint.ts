/** A hint is `id=tr_…` and nothing else; the longest id of Mollie's has some 30 characters. */
const HINT_BYTES_MAX = 512;
/** A JSON text that holds `&id=tr_1&` somewhere is no form. */
const FORM = /^[A-Za-z]+=/;
const OBJECT_ID = /^[a-z]{1,12}_[A-Za-z0-9]{1,64}$/;
const BUCKET_MS = 10_000;
/** Clocks of several instances differ a little: one that lags would fold a call into a bucket that was fetched already. */
const CLOCKS_DIFFER_MS = 2_000;

export type Hint =
  | { readonly kind: 'object'; readonly id: string }
  /** Mollie tries the address: there is no object. */
  | { readonly kind: 'test' };

/** What a classic call's form names; null where it is no such form. */
export function readHint(body: Buffer): Hint | null {
  if (body.length > HINT_BYTES_MAX) return null;
  const text = body.toString('latin1');
  if (!FORM.test(text)) return null;
  const form = new URLSearchParams(text);
  const [id, second] = form.getAll('id');
  if (id === undefined) return form.has('testByMollie') ? { kind: 'test' } : null;
  return second === undefined && OBJECT_ID.test(id) ? { kind: 'object', id } : null;
}

/**
 * Mollie calls with the same id for each status, refund and chargeback, so no id identifies a call. Those of ten seconds
 * count as one, because the object is fetched when they are over: after the last of them.
 */
export function bucketOf(receivedAt: number): number {
  return Math.floor(receivedAt / BUCKET_MS) * BUCKET_MS;
}

/** When all the calls of the bucket have come, unix ms. */
export function bucketIsOver(receivedAt: number): number {
  return bucketOf(receivedAt) + BUCKET_MS + CLOCKS_DIFFER_MS;
}
