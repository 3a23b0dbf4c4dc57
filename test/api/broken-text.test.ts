import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packCursor } from '../../src/api/paging.ts';
import { AT } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { addDiscrepancy, addSettlement } from '../support/settlement-rows.ts';

let database: TestDatabase;
let gateway: TestGateway;
let discrepancy: string;
let settlement: string;
beforeAll(async () => {
  database = await createTestDatabase();
  const of = { provider: 'test', account: 'main', at: AT };
  discrepancy = await addDiscrepancy(database, {
    ...of,
    class: 'amount_mismatch',
    reference: 'p1',
    currency: 'EUR',
    delta: -1n,
  });
  settlement = await addSettlement(database, {
    ...of,
    batches: [{ batch: 'B1', currency: 'EUR' }],
    lines: [{ kind: 'charge', batch: 'B1', currency: 'EUR', gross: 1n, reference: 'p1', at: AT }],
  });
  gateway = await startTestGateway(database, { work: false });
  await gateway.addEndpoint('stripe', 'main', ['whsec_settlements']);
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

type Problem = { status: number; errors: { path: string; message: string }[] };

async function refusal(path: string, init: { body?: unknown; text?: string } = {}): Promise<Problem> {
  const { body, text } = init;
  const answer = await gateway.api(`/api/v1/${path}`, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    ...(text === undefined ? {} : { method: 'POST', body: text }),
    headers: { 'content-type': text === undefined ? 'application/json' : 'text/csv' },
  });
  const problem = (await answer.json()) as Problem;
  return { status: answer.status, errors: problem.errors };
}

const NUL = 'a\u0000b';
const HALF = 'a\ud800b';

describe('a text that nothing can be kept by', () => {
  it.each([
    ['discrepancies?reference=a%00b', 'querystring/reference'],
    ['discrepancies?provider=a%00b', 'querystring/provider'],
    ['settlements?batch=a%00b', 'querystring/batch'],
    ['settlements?provider=a%00b', 'querystring/provider'],
    ['reports/discrepancies?provider=a%00b', 'querystring/provider'],
  ])('is refused in a query: %s', async (path, where) => {
    expect(await refusal(path)).toEqual({
      status: 400,
      errors: [{ path: where, message: 'must not have the character NUL (U+0000)' }],
    });
  });

  it.each([
    ['a note', { action: 'note', note: NUL }, 'body/note'],
    ['half a character', { action: 'note', note: HALF }, 'body/note'],
    ['whom it is given to', { action: 'assign', assignee: NUL }, 'body/assignee'],
  ])('is refused as %s, and changes nothing', async (_, body, where) => {
    expect(await refusal(`discrepancies/${discrepancy}/actions`, { body })).toMatchObject({
      status: 400,
      errors: [{ path: where }],
    });
    const { rows } = await database.sql.query('select from postern.discrepancy_history');
    expect(rows).toEqual([]);
  });

  it('is refused deep in a body, and however it nests', async () => {
    const order = { filter: { reference: HALF }, action: { action: 'note', note: 'n' } };
    expect(await refusal('discrepancies/actions', { body: order })).toMatchObject({
      status: 400,
      errors: [{ path: 'body/filter/reference' }],
    });
    const deep = JSON.parse(`${'['.repeat(1_000)}"x\\u0000"${']'.repeat(1_000)}`);
    expect(await refusal('discrepancies/actions', { body: { filter: { reference: deep } } })).toMatchObject({
      status: 400,
    });
  });

  it.each([
    ['settlements?provider=stripe&endpoint=main&file_name=a%00b', 'querystring/file_name'],
    ['bank-statements?file_name=a%00b', 'querystring/file_name'],
  ])('is refused as the name of a file: %s', async (path, where) => {
    expect(await refusal(path, { text: 'x' })).toMatchObject({ status: 400, errors: [{ path: where }] });
  });

  it('names nothing in a path', async () => {
    expect((await refusal('accounts/a%00b/balance')).status).toBe(404);
  });

  it('is kept where it is whole, whatever it is', async () => {
    const note = 'línea\n𝄞 \u0007 \ufffd';
    const answer = await gateway.api(`/api/v1/discrepancies/${discrepancy}/actions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ action: 'note', note }),
    });
    expect(await answer.json()).toMatchObject({ history: [{ detail: { note } }] });
  });
});

describe('a cursor that is none of ours', () => {
  const DASHES = '-'.repeat(36);
  it.each([
    ['discrepancies', [DASHES]],
    ['settlements', [DASHES]],
    ['settlements/:id/lines', ['1', DASHES]],
    ['bank-statements', [DASHES]],
    ['events', [DASHES]],
    ['quarantine', [DASHES]],
    ['accounts', [NUL]],
  ])('is refused by %s', async (path, key) => {
    const cursor = packCursor(key);
    expect(await refusal(`${path.replace(':id', settlement)}?cursor=${cursor}`)).toMatchObject({
      status: 400,
      errors: [{ path: 'querystring/cursor' }],
    });
  });
});
