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
type View = { id: string; name: string; secrets: Secret[]; rotation_overlap_s: number };

async function endpoint(name = 'rolled'): Promise<View> {
  const { items } = (await (await gateway.api('/api/v1/endpoints')).json()) as { items: View[] };
  const found = items.find((one) => one.name === name);
  if (found === undefined) throw new Error('there is no endpoint');
  return found;
}

let sent = 0;

/** One event over a socket, signed by each of the secrets in one header, as Stripe does while it rolls. */
const send = (...secrets: string[]): Promise<number> => sendTo(gateway, 'rolled', ...secrets);

async function sendTo(instance: TestGateway, name: string, ...secrets: string[]): Promise<number> {
  sent += 1;
  const body = chargeSucceeded(sent);
  const marks = secrets.map((secret) => {
    const headers = new Map(sign({ body: Buffer.from(body), url: '' }, secret, now()));
    return headers.get('stripe-signature') ?? '';
  });
  const [first = '', ...others] = marks;
  const header = [first, ...others.map((mark) => mark.replace(/^t=\d+,/, ''))].join(',');
  const response = await fetch(`${instance.url}/webhooks/stripe/${name}`, {
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

it('refuses no request of either secret in flight, on any instance, while one is added and the other removed', async () => {
  await gateway.addEndpoint('stripe', 'flight', [OLD]);
  const other = await startTestGateway(database, { now, work: false });
  const instances = [gateway, other];
  const statuses = { old: [] as number[], young: [] as number[] };
  const phase = { old: true, young: true };
  /** Signs with one secret, on every instance, until told that the processor does no more. */
  const stream = (secret: string, which: keyof typeof phase): Promise<void>[] =>
    instances.flatMap((instance) =>
      [1, 2].map(async () => {
        while (phase[which]) statuses[which].push(await sendTo(instance, 'flight', secret));
      }),
    );
  try {
    const underWay = stream(OLD, 'old');
    const { id, secrets } = await endpoint('flight');
    const made = await gateway.api(`/api/v1/endpoints/${id}/secrets`, {
      method: 'POST',
      body: JSON.stringify({ secret: NEW, overlap_s: OVERLAP_S }),
      headers: { 'content-type': 'application/json' },
    });
    expect(made.status).toBe(201);
    // By announcement alone: a person takes longer to carry the secret to the processor.
    for (const instance of instances)
      await eventually(async () => expect(await sendTo(instance, 'flight', NEW)).toBe(200));
    const young = stream(NEW, 'young');
    const bothAtLeast = (count: number) =>
      eventually(() => expect(Math.min(statuses.old.length, statuses.young.length)).toBeGreaterThan(count));
    await bothAtLeast(20);
    phase.old = false;
    await Promise.all(underWay);
    const before = statuses.young.length;
    const removed = await gateway.api(`/api/v1/endpoints/${id}/secrets/${secrets[0]?.id}`, { method: 'DELETE' });
    expect(removed.status).toBe(204);
    for (const instance of instances)
      await eventually(async () => expect(await sendTo(instance, 'flight', OLD)).toBe(401));
    await eventually(() => expect(statuses.young.length).toBeGreaterThan(before + 20));
    phase.young = false;
    await Promise.all(young);
    expect(new Set([...statuses.old, ...statuses.young])).toEqual(new Set([200]));
    const { rows } = await database.sql.query<{ events: number }>(
      `select count(*)::int as events from postern.events e join postern.endpoints n on n.id = e.endpoint_id where n.name = 'flight'`,
    );
    expect(rows[0]?.events).toBeGreaterThanOrEqual(statuses.old.length + statuses.young.length);
  } finally {
    phase.old = false;
    phase.young = false;
    await other.stop();
  }
}, 120_000);
