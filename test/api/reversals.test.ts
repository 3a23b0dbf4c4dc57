import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Role } from '../../src/access/roles.ts';
import { createTokenService } from '../../src/access/token-service.ts';
import { captured, openBooks } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

let database: TestDatabase;
let gateway: TestGateway;
const tokens: Partial<Record<Role, string>> = {};

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database, { work: false });
  const service = createTokenService({ pool: database.appPool });
  for (const role of ['finance', 'ops', 'service', 'monitor'] as const)
    tokens[role] = (await service.create({ name: role, roles: [role], expiresAt: null }, 'test')).token;
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

async function posted(): Promise<string> {
  const [result] = await openBooks(database).post([captured('p', 1000n)]);
  return result?.kind === 'posted' ? (result.transactions[0] ?? '') : '';
}

async function reverse(
  id: string,
  body: unknown,
  role?: Role,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await gateway.api(`/api/v1/transactions/${id}/reverse`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      ...(role === undefined ? {} : { authorization: `Bearer ${tokens[role] ?? ''}` }),
    },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('POST /transactions/:id/reverse', () => {
  it('posts the mirror image once, in the caller’s name', async () => {
    const id = await posted();
    const made = await reverse(id, { reason: 'posted twice' }, 'finance');
    expect(made).toMatchObject({
      status: 201,
      body: {
        kind: 'reversal',
        reverses: id,
        postings: [
          { direction: 'credit', amount: '1000', currency: 'EUR' },
          { account: 'income:revenue', direction: 'debit', amount: '1000' },
        ],
      },
    });
    expect(JSON.parse(String(made.body.cause))).toMatchObject({ reason: 'posted twice' });
    expect(await reverse(id, { reason: 'again' })).toMatchObject({ status: 409 });
    expect(await reverse(String(made.body.id), { reason: 'undo' })).toMatchObject({ status: 409 });
  });

  it.each(['ops', 'service', 'monitor'] as const)('is not for %s', async (role) => {
    expect(await reverse(await posted(), { reason: 'x' }, role)).toMatchObject({ status: 403 });
  });

  it.each([
    ['no reason', {}],
    ['an empty reason', { reason: '' }],
    ['a blank reason', { reason: ' ' }],
    ['more than a reason', { reason: 'x', amount: '5' }],
  ])('refuses %s', async (_name, body) => {
    expect(await reverse(await posted(), body)).toMatchObject({ status: 400 });
  });

  it('knows only what is there', async () => {
    expect(await reverse('nothing', { reason: 'x' })).toMatchObject({ status: 404 });
  });
});
