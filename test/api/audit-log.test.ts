import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Role } from '../../src/access/roles.ts';
import { createTokenService } from '../../src/access/token-service.ts';
import { insertAudit } from '../../src/audit-store.ts';
import { faultOfProof, parseProof } from '../../src/ledger/proof.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

let database: TestDatabase;
let gateway: TestGateway;
const FORMULA = '=cmd|"/c calc"!A1';

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database);
  for (let n = 0; n < 12; n += 1)
    await note(n % 2 === 0 ? 'token:ann' : 'cli:bob', n % 3 === 0 ? 'endpoint.create' : 'endpointx', `endpoint:${n}`);
  await note('token:a_b%', 'odd\\one', FORMULA, 'because,\n"of" \'this\'');
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

async function note(actor: string, action: string, subject: string, reason: string | null = null): Promise<void> {
  await withTransaction(database.appPool, (tx) =>
    insertAudit(tx, { actor, action, subject, reason, details: { n: 1 } }),
  );
}

type Entry = { id: string; at: string; actor: string; action: string; subject: string; sealed_as: number | null };
type Page = { items: Entry[]; next_cursor: string | null };

async function search(query: Record<string, string>): Promise<Page> {
  const response = await gateway.api(`/api/v1/audit-log?${new URLSearchParams(query)}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Page;
}
const subjects = async (query: Record<string, string>) => (await search(query)).items.map(({ subject }) => subject);

describe('a search of the audit log', () => {
  it('finds by actor, action and subject, alone and together, newest first', async () => {
    expect(await subjects({ actor: 'cli:bob' })).toEqual([11, 9, 7, 5, 3, 1].map((n) => `endpoint:${n}`));
    expect(await subjects({ action: 'endpoint.create' })).toEqual([9, 6, 3, 0].map((n) => `endpoint:${n}`));
    expect(await subjects({ action: 'endpoint.create', actor: 'token:ann' })).toEqual(['endpoint:6', 'endpoint:0']);
    expect(await subjects({ subject: 'endpoint:7' })).toEqual(['endpoint:7']);
    expect(await subjects({ subject: 'endpoint:77' })).toEqual([]);
  });

  it('takes a star at the end for anything, and nothing else for more than itself', async () => {
    expect(await subjects({ action: 'endpoint.*' })).toHaveLength(4);
    expect(await subjects({ action: 'endpoint*' })).toHaveLength(12);
    expect(await subjects({ actor: 'token:a*' })).toHaveLength(7);
    expect(await subjects({ actor: 'token:a_b%*' })).toHaveLength(1);
    expect(await subjects({ actor: 'token:_*' })).toEqual([]);
    expect(await subjects({ actor: '%' })).toEqual([]);
    expect(await subjects({ action: 'odd\\*' })).toEqual([FORMULA]);
  });

  it('goes on page by page without losing or repeating one, also among entries of one moment', async () => {
    const moment = '2026-01-02T03:04:05.678901Z';
    await database.sql.query(
      `insert into postern.audit_log (at, actor, action, subject)
       select $1::timestamptz + (n / 3) * interval '1 microsecond', 'cli:many', 'a', 's:' || n from generate_series(0, 10) n`,
      [moment],
    );
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page = await search({ actor: 'cli:many', limit: '2', ...(cursor === null ? {} : { cursor }) });
      seen.push(...page.items.map(({ subject }) => subject));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen).toEqual(Array.from({ length: 11 }, (_, n) => `s:${10 - n}`));
    expect(await subjects({ from: '2026-01-02T00:00:00Z', to: '2026-01-03T00:00:00Z' })).toHaveLength(11);
    expect(await subjects({ to: '2026-01-02T03:04:05Z' })).toEqual([]);
  });

  it.each([
    ['a time that ends before it begins', 'from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z'],
    ['a time that is none', 'from=yesterday'],
    ['a name it does not know', 'user=ann'],
    ['an empty one', 'actor='],
    ['a cursor of another list', `cursor=${Buffer.from('["x"]').toString('base64url')}`],
  ])('refuses %s', async (_, query) => {
    expect((await gateway.api(`/api/v1/audit-log?${query}`)).status).toBe(400);
  });

  it('is for ops and finance only', async () => {
    const allowed: Role[] = [];
    for (const role of ['monitor', 'ops', 'finance', 'service'] as const) {
      const { token } = await createTokenService({ pool: database.appPool }).create(
        { name: role, roles: [role], expiresAt: null },
        'test',
      );
      await gateway.gateway.reloadTokens();
      const statuses = await Promise.all(
        ['', '/export', '/1', '/1/proof'].map(async (path) => {
          const headers = { authorization: `Bearer ${token}` };
          return (await fetch(`${gateway.url}/api/v1/audit-log${path}`, { headers })).status;
        }),
      );
      if (!statuses.includes(403)) allowed.push(role);
      else expect(statuses).toEqual([403, 403, 403, 403]);
    }
    expect(allowed).toEqual(['ops', 'finance']);
  });

  it('walks an index for each question, and never sorts what is in the log', async () => {
    await database.sql.query(
      `insert into postern.audit_log (at, actor, action, subject)
       select now() - n * interval '1 minute', 'token:' || n % 50, case when n % 1000 = 0 then 'rare' else 'common' end, 'transaction:' || n
       from generate_series(1, 20000) n`,
    );
    await database.sql.query('analyze postern.audit_log');
    const { rows } = await database.sql.query<{ name: string; scans: bigint }>(
      `select indexrelname as name, idx_scan as scans from pg_stat_user_indexes where relname = 'audit_log'`,
    );
    expect(rows.map(({ name }) => name).sort()).toEqual([
      'audit_log_action',
      'audit_log_actor',
      'audit_log_at',
      'audit_log_pkey',
      'audit_log_subject',
      'audit_log_xact',
    ]);
    for (const [condition, index] of [
      [`actor collate "C" = 'token:7'`, 'audit_log_actor'],
      [`action collate "C" = 'rare'`, 'audit_log_action'],
      [`subject collate "C" = 'transaction:9'`, 'audit_log_subject'],
      [`at < now() - interval '9 days'`, 'audit_log_at'],
      ['true', 'audit_log_at'],
    ] as const) {
      const { rows: plan } = await database.sql.query<{ 'QUERY PLAN': string }>(
        `explain select * from postern.audit_log where ${condition} order by at desc, id desc limit 51`,
      );
      const text = plan.map((line) => line['QUERY PLAN']).join('\n');
      expect(text).toContain(`Index Scan Backward using ${index}`);
      expect(text).not.toContain('Sort');
    }
  });
});

describe('an export of the audit log', () => {
  const get = async (query: string) => {
    const response = await gateway.api(`/api/v1/audit-log/export?${query}`);
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };

  it('is JSON that is read whole or by lines, oldest first, also of nothing', async () => {
    const { status, type, text } = await get('format=json&actor=cli:bob');
    expect({ status, type }).toEqual({ status: 200, type: 'application/json; charset=utf-8' });
    const entries = JSON.parse(text) as Entry[];
    expect(entries.map(({ subject }) => subject)).toEqual([1, 3, 5, 7, 9, 11].map((n) => `endpoint:${n}`));
    expect(text.split('\n')).toHaveLength(6 + 3);
    expect((await get('format=json&actor=nobody')).text).toBe('[]\n');
  });

  it('is CSV that a spreadsheet does not run', async () => {
    const { type, text } = await get(`subject=${encodeURIComponent(FORMULA)}`);
    expect(type).toBe('text/csv; charset=utf-8; header=present');
    const [head, line] = text.split('\r\n');
    expect(head).toBe('id,at,actor,action,subject,reason,details,sealed_as');
    expect(line).toContain(`,token:a_b%,odd\\one,"'=cmd|""/c calc""!A1","because,\n""of"" 'this'","{""n"":1}",`);
  });

  it('has every entry, whatever their number', async () => {
    const { rows } = await database.sql.query<{ count: bigint }>('select count(*) from postern.audit_log');
    const { text } = await get('format=json');
    expect((JSON.parse(text) as Entry[]).length).toBe(Number(rows[0]?.count));
  });

  it('refuses what it does not know, and does not answer HEAD', async () => {
    expect((await get('format=xml')).status).toBe(400);
    expect((await get('from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z')).status).toBe(400);
    expect((await gateway.api('/api/v1/audit-log/export', { method: 'HEAD' })).status).toBe(404);
  });
});

describe('one entry', () => {
  it('is shown with its place in the log, and proved to somebody outside', async () => {
    const [entry] = (await search({ subject: 'endpoint:7' })).items;
    const id = entry?.id ?? '';
    const shown = await eventually(async () => {
      const one = (await (await gateway.api(`/api/v1/audit-log/${id}`)).json()) as Entry;
      expect(one.sealed_as).not.toBeNull();
      return one;
    });
    const answer = await gateway.api(`/api/v1/audit-log/${id}/proof`);
    expect(answer.status).toBe(200);
    const proof = parseProof(await answer.text());
    expect(faultOfProof(proof)).toBeNull();
    expect(proof).toMatchObject({ index: shown.sealed_as, audit_entry: { id, actor: 'cli:bob' } });
  });

  it.each(['/audit-log/0', '/audit-log/999999999', '/audit-log/x', '/audit-log/999999999/proof', '/audit-log/x/proof'])(
    'is not found at %s',
    async (path) => {
      expect((await gateway.api(`/api/v1${path}`)).status).toBe(404);
    },
  );
});
