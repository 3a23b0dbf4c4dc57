import { describe, expect, it } from 'vitest';
import { type SecretUse, secretIdleness } from '../../src/endpoints/secret-idleness.ts';
import { refuseRemoval } from '../../src/endpoints/secret-removal.ts';
import { providers } from '../../src/providers/index.ts';
import { rotationOverlapMs } from '../../src/providers/rotation-overlap.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-03-10T12:00:00Z');
const OVERLAP = 24 * HOUR;

/** Hours before now; null is never. */
type Told = { made?: number; used?: number | null; from?: number; to?: number };

function secret(id: string, { made = 1000, used = null, from, to }: Told): SecretUse {
  const ago = (hours: number) => new Date(NOW - hours * HOUR);
  return {
    id,
    created_at: ago(made),
    last_used_at: used === null ? null : ago(used),
    not_before: from === undefined ? null : ago(from),
    not_after: to === undefined ? null : ago(to),
  };
}

function judge(
  old: Told,
  young?: Told,
): { state: string | undefined; removableAt: number | null; since: number | null } {
  const secrets = [secret('a', old), ...(young === undefined ? [] : [secret('b', { made: 100, ...young })])];
  const is = secretIdleness(secrets, OVERLAP, NOW).get('a');
  const hours = (at: Date | null | undefined) => (at == null ? null : (NOW - at.getTime()) / HOUR);
  return { state: is?.state, removableAt: hours(is?.removableAt), since: hours(is?.removableSince) };
}

describe('an old secret', () => {
  it.each<[string, Told, Told | undefined, { state: string; removableAt: number | null; since: number | null }]>([
    ['alone and idle for ever stays', { used: 900 }, undefined, { state: 'idle', removableAt: null, since: null }],
    ['alone and never used stays', {}, undefined, { state: 'idle', removableAt: null, since: null }],
    [
      'alone and ended is no successor to itself',
      { to: 2 },
      undefined,
      { state: 'ended', removableAt: null, since: null },
    ],
    ['stays while the new one was never used', { used: 90 }, {}, { state: 'idle', removableAt: null, since: null }],
    [
      'stays while the new one waits',
      { used: 90 },
      { from: -1, used: 3 },
      { state: 'idle', removableAt: null, since: null },
    ],
    [
      'stays when the new one has ended',
      { used: 90 },
      { used: 3, to: 1 },
      { state: 'idle', removableAt: null, since: null },
    ],
    ['used an hour ago is not idle', { used: 1 }, { used: 2 }, { state: 'in_use', removableAt: -23, since: null }],
    [
      'used just inside the overlap is not idle',
      { used: 23.9 },
      { used: 2 },
      { state: 'in_use', removableAt: 23.9 - 24, since: null },
    ],
    ['used a whole overlap ago may go', { used: 24 }, { used: 2 }, { state: 'idle', removableAt: 0, since: 0 }],
    [
      'idle before the new one came may go since then',
      { used: 500 },
      { used: 2 },
      { state: 'idle', removableAt: 100, since: 100 },
    ],
    [
      'never used gets its overlap from its making',
      { made: 130 },
      { used: 2, made: 125 },
      { state: 'idle', removableAt: 106, since: 106 },
    ],
    [
      'may go when it ends, used a moment before',
      { used: 5.1, to: 5 },
      { used: 2 },
      { state: 'ended', removableAt: 5, since: 5 },
    ],
    [
      'still good is to go when it ends',
      { used: 1, to: -3 },
      { used: 2 },
      { state: 'in_use', removableAt: -3, since: null },
    ],
    ['planned for later is waiting', { from: -5 }, { used: 2 }, { state: 'waiting', removableAt: null, since: null }],
  ])('%s', (_what, old, young, expected) => {
    const found = judge(old, young);
    expect(found.state).toBe(expected.state);
    for (const key of ['removableAt', 'since'] as const) {
      const hours = expected[key];
      if (hours === null) expect(found[key]).toBeNull();
      else expect(found[key]).toBeCloseTo(hours, 5);
    }
  });

  it('is not told from a new one by its place in the list', () => {
    const secrets = [secret('b', { made: 100, used: 1 }), secret('a', { made: 1000, used: 900 })];
    const idleness = secretIdleness(secrets, OVERLAP, NOW);
    expect(idleness.get('b')?.removableAt).toBeNull();
    expect(idleness.get('a')?.removableSince).not.toBeNull();
  });
});

describe('a careful removal', () => {
  const refusal = (id: string, ...told: [string, Told][]) => {
    const rows = told.map(([name, one]) => secret(name, one));
    const idleness = secretIdleness(rows, OVERLAP, NOW);
    const secrets = rows.map(({ id: name, not_after, not_before, last_used_at }) => ({
      id: name,
      not_after,
      not_before,
      last_used_at,
      uses: 0n,
      ...(idleness.get(name) ?? { state: 'idle' as const, removableAt: null, removableSince: null }),
    }));
    return () => refuseRemoval({ secrets }, id);
  };

  it.each<[string, [string, Told][], RegExp]>([
    ['the only one', [['a', {}]], /only secret/],
    [
      'the only one that is good now',
      [
        ['a', { used: 99 }],
        ['b', { made: 9, from: -1 }],
        ['c', { to: 1 }],
      ],
      /only secret/,
    ],
    [
      'one whose follower was never used',
      [
        ['a', { used: 99 }],
        ['b', { made: 9 }],
      ],
      /no newer secret has been used/,
    ],
    [
      'the newest',
      [
        ['a', { made: 5 }],
        ['c', { used: 99 }],
      ],
      /no newer/,
    ],
    [
      'one that is not idle long enough',
      [
        ['a', { used: 1 }],
        ['b', { made: 9, used: 1 }],
      ],
      /from 2026-03-11T11:00:00.000Z/,
    ],
  ])('refuses %s', (_what, told, why) => {
    expect(refusal('a', ...told)).toThrow(why);
  });

  it.each<[string, [string, Told][]]>([
    [
      'an idle one',
      [
        ['a', { used: 99 }],
        ['b', { made: 9, used: 1 }],
      ],
    ],
    ['one that ended, though nothing followed it', [['a', { used: 2, to: 1 }]]],
    [
      'one that has not begun',
      [
        ['a', { from: -1 }],
        ['b', {}],
      ],
    ],
  ])('lets %s go', (_what, told) => {
    expect(refusal('a', ...told)).not.toThrow();
  });
});

describe('how long an old secret stays good', () => {
  it('is what the processor documents', () => {
    const hours = (name: string) => {
      const facts = providers.get(name)?.facts;
      return facts === undefined ? null : rotationOverlapMs(facts) / HOUR;
    };
    expect(['stripe', 'razorpay', 'adyen', 'shopify'].map(hours)).toEqual([24, 24, 720, 1]);
    // Nothing documented: as long as it tries to deliver, and never less than a day.
    expect(['paystack', 'amazon-pay', 'lemonsqueezy', 'klarna'].map(hours)).toEqual([72, 336, 24, 24]);
  });
});
