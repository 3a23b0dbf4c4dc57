import { afterAll, beforeAll, expect, it } from 'vitest';
import { sign } from '../../src/providers/shopify/sign.ts';
import { shopifyBody, shopifyRefund, shopifyTransaction } from '../providers/shopify/samples.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { sendRaw } from '../support/raw-request.ts';

/*
 * Who holds one signed request of Shopify's can send its body again under any event id, topic and time. Whatever comes
 * first, the genuine request posts or finds its movement posted, and each movement is in the books once.
 */
const SECRET = 'shpss_made_for_this_test';

let database: TestDatabase;
let gateway: TestGateway;

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database);
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

const charged = shopifyBody(shopifyTransaction());
const refund = shopifyTransaction({ id: 77, kind: 'refund', parent_id: '#9007199254740993001', amount: '10.00' });
const refunded = shopifyBody({ ...refund, admin_graphql_api_id: 'gid://shopify/OrderTransaction/77' });
const toldAsRefund = shopifyBody(shopifyRefund([refund]));

async function send(name: string, body: Buffer, change: Readonly<Record<string, string>> = {}): Promise<number> {
  const headers = sign({ body, url: '' }, SECRET, Date.now()).map(
    ([header, value]) => [header, change[header] ?? value] as const,
  );
  return sendRaw(gateway.url, { method: 'POST', path: `/webhooks/shopify/${name}`, headers, body });
}

const ATTACKS = [
  { 'x-shopify-event-id': 'captured', 'x-shopify-topic': 'products/update' },
  {
    'x-shopify-event-id': 'captured',
    'x-shopify-topic': 'refunds/create',
    'x-shopify-triggered-at': '2020-01-01T00:00:00Z',
  },
  { 'x-shopify-topic': 'app/uninstalled' },
  { 'x-shopify-event-id': '', 'x-shopify-webhook-id': '', 'x-shopify-shop-domain': 'other.myshopify.com' },
];

it.each(['before', 'after'] as const)('a captured request sent %s the genuine one posts nothing more', async (when) => {
  const name = `shop-${when}`;
  await gateway.addEndpoint('shopify', name, [SECRET], { account: name });
  const attack = async (): Promise<void> => {
    for (const change of ATTACKS)
      for (const body of [charged, refunded]) expect(await send(name, body, change)).toBe(200);
    // The genuine refund's id before another body: that the two are not one event is for the content to say.
    expect(await send(name, charged, { 'x-shopify-event-id': 'of-the-refund' })).toBe(200);
  };
  if (when === 'before') await attack();
  for (const [body, id] of [
    [charged, 'of-the-charge'],
    [refunded, 'of-the-refund'],
    [toldAsRefund, 'of-the-refund-again'],
  ] as const)
    expect(await send(name, body, { 'x-shopify-event-id': id })).toBe(200);
  if (when === 'after') await attack();

  await eventually(async () => {
    const { rows } = await database.sql.query<{ event_id: string; status: string }>(
      `select e.event_id, e.status from postern.events e join postern.endpoints n on n.id = e.endpoint_id where n.name = $1`,
      [name],
    );
    // The same bytes are one event, whatever ids they come under: three bodies were sent.
    expect(rows).toHaveLength(3);
    expect(rows.filter(({ status }) => status !== 'posted')).toEqual([]);
  });
  const { rows: books } = await database.sql.query<{ path: string; amount: bigint }>(
    `select a.path, sum(p.amount)::int8 as amount from postern.postings p
     join postern.accounts a on a.id = p.account_id join postern.transactions t on t.id = p.transaction_id
     where t.effect_key like $1 group by 1 having sum(p.amount) <> 0 order by 1`,
    [`shopify:${name}:%`],
  );
  expect(books.map(({ path, amount }) => [path, String(amount)])).toEqual([
    [`asset:processor_pending:shopify:${name}`, '10050'],
    ['income:refunds', '1000'],
    ['income:revenue', '-11050'],
  ]);
});
