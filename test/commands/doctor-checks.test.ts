import { describe, expect, it } from 'vitest';
import { addsUp } from '../../src/commands/doctor.ts';
import { nodeCheck, protectionCheck, unopened } from '../../src/commands/doctor-checks.ts';
import { retentionCheck } from '../../src/commands/doctor-retention.ts';

const table = (name: string, writable: boolean, trigger: boolean) => ({ name, writable, trigger });

describe('doctor', () => {
  it.each([
    ['v24.21.0', 'ok'],
    ['v25.0.0', 'ok'],
    ['v20.20.2', 'failed'],
    ['', 'failed'],
  ])('Node %s is %s', (version, status) => {
    expect(nodeCheck(version).status).toBe(status);
  });

  it.each([
    [false, true, 'ok'],
    [true, true, 'warning'],
    [false, false, 'failed'],
    [true, false, 'failed'],
  ])('a ledger writable: %s, with triggers: %s, is %s', (writable, trigger, status) => {
    const others = ['transactions', 'seal', 'seal_nodes', 'audit_log'].map((name) => table(name, false, true));
    const tables = [table('postings', writable, trigger), ...others];
    expect(protectionCheck(tables, null).status).toBe(status);
  });

  it('misses a ledger table', () => {
    expect(protectionCheck([table('postings', false, true)], null)).toMatchObject({ status: 'failed' });
  });

  it('says why a database cannot be opened, and what to do', () => {
    const { database, checks } = unopened('v24.21.0', new Error('connection refused'));
    expect(database).toBeNull();
    expect(checks).toContainEqual(
      expect.objectContaining({ name: 'database', status: 'failed', found: 'connection refused' }),
    );
  });

  it('finds sums that do not add up', () => {
    const right = {
      endpoint: 'stripe/a',
      accepted: 7n,
      events: 5n,
      duplicates: 1n,
      forgotten: 1n,
      queued: 1n,
      posted: 1n,
      no_effect: 1n,
      deferred: 1n,
      dead: 1n,
    };
    expect(addsUp(right)).toBe(true);
    expect(addsUp({ ...right, accepted: 8n })).toBe(false);
    expect(addsUp({ ...right, dead: 0n })).toBe(false);
  });

  it.each([
    [null, '2020-01-01', [], 'ok', 'without end'],
    [40, '2025-12-20', [], 'ok', 'for 40 days'],
    [40, '2025-12-20', ['2025-12-01'], 'ok', 'half removed: 2025-12-01'],
    [null, '2025-12-20', ['2025-12-01'], 'warning', 'half removed: 2025-12-01'],
    [40, '2025-11-01', [], 'warning', 'older than they should be'],
  ])('with RETENTION_DAYS %s and an oldest day of %s, half removed %j, is %s', (days, oldest, half, status, found) => {
    const facts = { days: 9, oldest, half_done: half, kept: 3n, removed: 2n };
    expect(retentionCheck(facts, days, Date.parse('2026-01-15T12:00:00Z'))).toMatchObject({
      status,
      found: expect.stringContaining(found),
    });
  });
});
