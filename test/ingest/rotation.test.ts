import { afterAll, beforeAll, expect, it } from 'vitest';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';

const OLD = 'whsec_rotation_old_secret';
const NEW = 'whsec_rotation_new_secret';
const OVERLAP_S = 86_400;

let database: TestDatabase;
let gateway: TestGateway;
let ahead = 0;
const now = () => Date.now() + ahead;

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database, { now });
  await gateway.addEndpoint('stripe', 'rolled', [OLD]);
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

type Secret = {
  id: string;
  state: string;
  uses: number;
  not_after: string | null;
  last_used_at: string | null;
  removable_since: string | null;
};
type View = { id: string; secrets: Secret[]; rotation_overlap_s: number };

async function endpoint(): Promise<View> {
  const { items } = (await (await gateway.api('/api/v1/endpoints')).json()) as { items: View[] };
  const [found] = items;
  if (found === undefined) throw new Error('there is no endpoint');
  return found;
}

let sent = 0;

/** One event over a socket, signed by each of the secrets in one header, as Stripe does while it rolls. */
async function send(...secrets: string[]): Promise<number> {
  sent += 1;
  const body = chargeSucceeded(sent);
  const marks = secrets.map((secret) => {
    const headers = new Map(sign({ body: Buffer.from(body), url: '' }, secret, now()));
    return headers.get('stripe-signature') ?? '';
  });
  const [first = '', ...others] = marks;
  const header = [first, ...others.map((mark) => mark.replace(/^t=\d+,/, ''))].join(',');
  const response = await fetch(`${gateway.url}/webhooks/stripe/rolled`, {
    method: 'POST',
    body,
    headers: { 'stripe-signature': header },
  });
  await response.arrayBuffer();
  return response.status;
}

/** Several senders at once, each until `done`. */
async function traffic(senders: number, done: () => boolean, ...secrets: string[]): Promise<number[]> {
  const statuses: number[] = [];
  const one = async (): Promise<void> => {
    do statuses.push(await send(...secrets));
    while (!done());
  };
  await Promise.all(Array.from({ length: senders }, one));
  return statuses;
}

it('refuses no request while a secret is rolled, and tells when the old one may go', async () => {
  const before = await endpoint();
  expect(before).toMatchObject({ rotation_overlap_s: OVERLAP_S, secrets: [{ state: 'idle', uses: 0 }] });

  // The old one signs, before, during and after the change on our side.
  let rotated = false;
  const underWay = traffic(4, () => rotated, OLD);
  const made = await gateway.api(`/api/v1/endpoints/${before.id}/secrets`, {
    method: 'POST',
    body: JSON.stringify({ secret: NEW, overlap_s: before.rotation_overlap_s }),
    headers: { 'content-type': 'application/json' },
  });
  expect(made.status).toBe(201);
  expect(await made.json()).toMatchObject({ state: 'idle', uses: 0, not_after: null, removable_since: null });
  await gateway.gateway.reloadEndpoints();
  rotated = true;
  const byOld = await underWay;
  expect(new Set(byOld)).toEqual(new Set([200]));

  // Nothing has come by the new one: the old one is what everything hangs on.
  await eventually(async () =>
    expect((await endpoint()).secrets).toMatchObject([
      { state: 'in_use', uses: byOld.length, not_after: expect.any(String), removable_since: null },
      { state: 'idle', uses: 0, not_after: null, removable_since: null },
    ]),
  );

  // The processor changes over: some by the one, some by the other, some by both.
  const mixed = await Promise.all([OLD, NEW, NEW, OLD].map((secret) => send(secret)));
  const both = await Promise.all([send(OLD, NEW), send(NEW, OLD)]);
  const byNew = await Promise.all(Array.from({ length: 5 }, () => send(NEW)));
  expect(new Set([...mixed, ...both, ...byNew])).toEqual(new Set([200]));
  const total = byOld.length + mixed.length + both.length + byNew.length;
  await eventually(async () => {
    const [old, young] = (await endpoint()).secrets;
    expect(Number(old?.uses) + Number(young?.uses)).toBe(total);
    expect(old).toMatchObject({ state: 'in_use', removable_since: null });
    expect(young).toMatchObject({ state: 'in_use', removable_since: null });
    expect(old?.uses).toBeGreaterThanOrEqual(byOld.length + 2);
    expect(young?.uses).toBeGreaterThanOrEqual(7);
  });

  // A moment before its end the old one is still good.
  const end = Date.parse((await endpoint()).secrets[0]?.not_after ?? '');
  ahead = end - Date.now() - 30_000;
  await gateway.gateway.reloadEndpoints();
  expect([await send(NEW), await send(OLD)]).toEqual([200, 200]);

  ahead = end - Date.now() + 1;
  await gateway.gateway.reloadEndpoints();
  expect([await send(OLD), await send(NEW)]).toEqual([401, 200]);
  await eventually(async () =>
    expect((await endpoint()).secrets).toMatchObject([
      { state: 'ended', uses: expect.any(Number), removable_since: new Date(end).toISOString() },
      { state: 'in_use', removable_since: null },
    ]),
  );

  const [old] = (await endpoint()).secrets;
  const removed = await gateway.api(`/api/v1/endpoints/${before.id}/secrets/${old?.id}`, { method: 'DELETE' });
  expect(removed.status).toBe(204);
  await gateway.gateway.reloadEndpoints();
  expect([await send(NEW), await send(OLD)]).toEqual([200, 401]);
});
