import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenService } from '../../src/access/token-service.ts';
import { tokenId } from '../../src/access/token-text.ts';
import { createTokens } from '../../src/access/tokens.ts';
import type { Sql } from '../../src/postgres/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const ADMIN = 'an-admin-token-of-28-letters';

function fixture({ sql = database.app, adminToken = null }: { sql?: Sql; adminToken?: string | null } = {}) {
  const clock = { ms: Date.now(), now: () => clock.ms };
  const tokens = createTokens({ sql, clock, log: database.log, adminToken });
  return { clock, tokens, service: createTokenService({ pool: database.appPool, onChange: tokens.load }) };
}

const refused = { ...{ query: () => Promise.reject(new Error('Connection terminated')) } };

describe('tokens', () => {
  it('lets in whom it was made for, with its roles', async () => {
    const { service, tokens } = fixture();
    const made = await service.create({ name: 'grafana', roles: ['monitor', 'ops'], expiresAt: null }, 'test');
    expect(made.token).toMatch(/^pst_[A-Za-z0-9_-]{55}$/);
    expect(await tokens.authenticate(made.token)).toEqual({ name: `token:${made.id}`, roles: ['monitor', 'ops'] });
  });

  it('keeps the hash, never the token', async () => {
    const { service } = fixture();
    const { id, token } = await service.create({ name: 'kept', roles: ['ops'], expiresAt: null }, 'test');
    const rows = await database.sql.query<{ all: string }>(
      `select (select json_agg(t)::text from postern.tokens t) || (select json_agg(a)::text from postern.audit_log a) as all`,
    );
    expect(rows.rows[0]?.all).toContain(id);
    expect(rows.rows[0]?.all).not.toContain(token.slice(16));
    const listed = await service.list({ after: '', limit: 500 });
    expect(JSON.stringify(listed)).not.toContain('hash');
  });

  it.each([
    ['nothing', ''],
    ['another prefix', 'sk_live_123'],
    ['the right shape, unknown', `pst_${'A'.repeat(55)}`],
    ['a byte too long', `pst_${'A'.repeat(56)}`],
  ])('refuses %s', async (_name, text) => {
    expect(await fixture().tokens.authenticate(text)).toBeNull();
  });

  it('refuses a known id with another secret', async () => {
    const { service, tokens } = fixture();
    const { token } = await service.create({ name: 'x', roles: ['admin'], expiresAt: null }, 'test');
    const forged = `${token.slice(0, 16)}${'A'.repeat(43)}`;
    expect(tokenId(forged)).toBe(tokenId(token));
    expect(await tokens.authenticate(forged)).toBeNull();
  });

  it('refuses what is revoked at once here, and within 5 s in another instance', async () => {
    const here = fixture();
    const there = fixture();
    const { id, token } = await here.service.create({ name: 'x', roles: ['ops'], expiresAt: null }, 'test');
    expect(await there.tokens.authenticate(token)).not.toBeNull();
    await here.service.revoke(id, 'test');
    expect(await here.tokens.authenticate(token)).toBeNull();
    await there.tokens.load();
    expect(await there.tokens.authenticate(token)).toBeNull();
    await expect(here.service.revoke(id, 'test')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('refuses an expired one although it was in force when last read', async () => {
    const { clock, service, tokens } = fixture();
    const { token } = await service.create(
      { name: 'x', roles: ['ops'], expiresAt: new Date(clock.ms + 2_000) },
      'test',
    );
    expect(await tokens.authenticate(token)).not.toBeNull();
    clock.ms += 2_000;
    expect(await tokens.authenticate(token)).toBeNull();
  });

  it('finds one made by another process a moment ago', async () => {
    const { clock, tokens } = fixture();
    await tokens.load();
    const { token } = await createTokenService({ pool: database.appPool }).create(
      { name: 'cli', roles: ['ops'], expiresAt: null },
      'cli:test',
    );
    clock.ms += 1_000;
    expect(await tokens.authenticate(token)).not.toBeNull();
  });

  it('asks the database nothing for made-up tokens that come close together', async () => {
    let asked = 0;
    const counting = {
      ...database.app,
      query: ((...args: Parameters<Sql['query']>) => {
        asked += 1;
        return database.app.query(...args);
      }) as Sql['query'],
    };
    const { tokens } = fixture({ sql: counting });
    for (let n = 0; n < 50; n += 1) await tokens.authenticate(`pst_${String(n).padStart(55, 'A')}`);
    expect(asked).toBe(1);
  });

  it('says so when the database is away instead of trusting an old state', async () => {
    const { tokens } = fixture({ sql: refused as unknown as Sql });
    await expect(tokens.authenticate(`pst_${'A'.repeat(55)}`)).rejects.toMatchObject({
      code: 'database_unreachable',
      http: 503,
    });
  });

  it('knows the admin token from the environment, without the database', async () => {
    const { tokens } = fixture({ sql: refused as unknown as Sql, adminToken: ADMIN });
    expect(await tokens.authenticate(ADMIN)).toEqual({ name: 'token:POSTERN_ADMIN_TOKEN', roles: ['admin'] });
    expect(await tokens.authenticate(`${ADMIN}x`)).toBeNull();
  });

  it('refuses an admin token that is too short', () => {
    expect(() => fixture({ adminToken: 'short' })).toThrow(/at least 24 characters/);
  });

  it('reads once more where something changed while it read', async () => {
    const { service } = fixture();
    const { id, token } = await service.create({ name: 'raced', roles: ['ops'], expiresAt: null }, 'test');
    let revokeMeanwhile: Promise<void> | undefined;
    const slow = {
      query: (async (...args: Parameters<Sql['query']>) => {
        const answer = await database.app.query(...args);
        // Revoked after Postgres answered and before the answer arrived.
        revokeMeanwhile ??= service.revoke(id, 'test');
        await revokeMeanwhile;
        return answer;
      }) as Sql['query'],
    };
    const { tokens } = fixture({ sql: slow });
    const first = tokens.load();
    await eventually(() => expect(revokeMeanwhile).toBeDefined());
    await Promise.all([first, tokens.load()]);
    expect(await tokens.authenticate(token)).toBeNull();
  });

  it('notes the last use', async () => {
    const { clock, service, tokens } = fixture();
    const { id, token } = await service.create({ name: 'used', roles: ['ops'], expiresAt: null }, 'test');
    await tokens.authenticate(token);
    await tokens.stop();
    const listed = await service.list({ after: '', limit: 500 });
    expect(listed.find((row) => row.id === id)?.last_used_at?.getTime()).toBe(clock.ms);
  });

  it('refuses a token without a role', async () => {
    await expect(fixture().service.create({ name: 'x', roles: [], expiresAt: null }, 'test')).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});
