import { describe, expect, it } from 'vitest';
import { draftsOf } from '../../src/ledger/rules.ts';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { providers } from '../../src/providers/index.ts';
import type { ApiContext } from '../../src/providers/provider.ts';
import type { LineKeys } from '../../src/providers/settlement-format.ts';
import { eventsOf } from '../../src/reconcile/engine/correction.ts';
import type { SettledLine } from '../../src/reconcile/engine/correction-store.ts';
import type { MovementLine } from '../../src/settlement-line.ts';
import type { AccountWorld } from '../../src/simulate/world/account-world.ts';
import { DIALECTS } from '../../src/simulate/world/dialects.ts';
import { reportFiles } from '../../src/simulate/world/report-files.ts';
import { sentBody, worldTarget } from '../../src/simulate/world/signed-events.ts';
import { createWorld } from '../../src/simulate/world/world.ts';
import type { WorldAccount } from '../../src/simulate/world/world-account.ts';
import { readReport } from '../support/report-reading.ts';

describe.each([...DIALECTS.keys()])('of %s', (provider) => {
  it('what is proposed from lines is, key and postings, what the webhooks would have told', async () => {
    const plan = { seed: 'corrections', start: '2026-03-02', livesPerDay: 3, accounts: [{ provider, faults: [] }] };
    const [world] = createWorld(plan).accounts;
    if (world === undefined) throw new Error('a world without its account');
    const [told, proposed] = [await toldBy(world), await proposedFor(world)];
    expect(proposed.size).toBeGreaterThan(25);
    expect([...proposed].map(([key]) => [key, told.get(key)])).toEqual([...proposed]);
  });
});

describe('nothing is proposed', () => {
  const line = (provider: string, kind: string, gross: bigint): SettledLine => {
    const told = {
      kind,
      word: null,
      identity: 'l',
      reference: 'r',
      component: null,
      gross,
      currency: 'EUR',
      payer: null,
    };
    return { accountId: 1, provider, ...told, at: 0, source: 's', payment: null };
  };

  it.each([
    ['a dispute whose id no line tells', [line('checkout', 'charge', 100n), line('checkout', 'chargeback', -100n)]],
    ['the same', [line('klarna', 'chargeback', -100n)]],
    ['a capture that was taken back', [line('gocardless', 'charge', -100n)]],
    ['a refund that brings money', [line('stripe', 'refund', 100n)]],
    ['a transfer', [line('stripe', 'transfer', -100n)]],
    ['a cost alone', [line('klarna', 'charge', 0n)]],
    ['what its line tells itself', [{ ...line('paypal', 'chargeback', -100n), component: 'dispute' }]],
  ])('of %s', (_, lines) => {
    expect(eventsOf(lines)).toEqual([]);
  });

  it('of the parts of a dispute, of what it is of all the same', () => {
    const dispute = { ...line('paypal', 'chargeback', -100n), component: 'dispute' };
    expect(eventsOf([line('paypal', 'charge', 100n), dispute])).toMatchObject([{ key: 'r:captured', amount: 100n }]);
  });
});

/** By effect key: what would be posted. */
type Effects = Map<string, readonly string[]>;

function addTo(effects: Effects, event: PaymentEvent, { dialect, name }: WorldAccount): void {
  const context = { provider: dialect.simulator.provider, account: name, marketplace: null };
  for (const { key, legs } of draftsOf(event, context))
    effects.set(
      key,
      legs.map((leg) => [leg.account.path, leg.reference, leg.component, leg.currency, leg.amount].join(' ')).sort(),
    );
}

async function toldBy(world: AccountWorld): Promise<Effects> {
  const { account } = world;
  const { provider: name } = account.dialect.simulator;
  const provider = providers.get(name);
  if (provider === undefined) throw new Error(`no provider ${name}`);
  const { settings } = worldTarget(account).target;
  const answers = new Map<string, string>();
  for (let day = 1; day <= account.calendar.days; day += 1)
    for (const life of world.lives(day))
      for (const [path, body] of account.dialect.answers?.(life, account) ?? []) answers.set(path, body);
  const context: ApiContext = {
    settings,
    now: 0,
    async call({ path }) {
      const body = answers.get(path);
      return { status: body === undefined ? 404 : 200, headers: {}, body: Buffer.from(body ?? '{}') };
    },
  };
  const effects: Effects = new Map();
  for (const event of world.events()) {
    const received = { ...RECEIVED, body: Buffer.from(sentBody(account, event)) };
    let meaning = provider.normalise(received, settings);
    if (meaning.kind === 'fetch') {
      const fetched = await provider.api?.fetchObject?.(meaning.object, context);
      if (fetched?.kind === 'found') meaning = provider.normalise({ ...received, fetched: fetched.body }, settings);
    }
    if (meaning.kind !== 'effects') continue;
    for (const effect of meaning.effects) addTo(effects, effect, account);
  }
  return effects;
}

const RECEIVED = {
  item: 0,
  id: 'made',
  type: 'made',
  account: 'main',
  headers: [],
  receivedAt: 0,
  level: 'body',
  fetched: null,
} as const;

/** Of each reference whose lines say enough. */
async function proposedFor(world: AccountWorld): Promise<Effects> {
  const { account } = world;
  const { provider: name } = account.dialect.simulator;
  const format = providers.get(name)?.settlements?.find((one) => one.name === account.dialect.format);
  if (format === undefined) throw new Error(`no format of ${name}`);
  const { settings } = worldTarget(account).target;
  const { zone, mode } = account.dialect;
  const lines = new Map<string, SettledLine[]>();
  for (const file of reportFiles(world)) {
    const text = [...file.text()].join('');
    const read = await readReport(format, text, { account: account.name, settings, zone, mode, fileName: file.name });
    for (const { line, keys } of read.lines)
      if ('reference' in line && line.gross !== 0n)
        lines.set(line.reference, [...(lines.get(line.reference) ?? []), settled(name, line, keys)]);
  }
  const effects: Effects = new Map();
  for (const event of [...lines.values()].flatMap(eventsOf)) addTo(effects, event, account);
  return effects;
}

function settled(provider: string, line: MovementLine, keys: LineKeys): SettledLine {
  const { kind, word = null, identity, reference, component = null, gross, currency, payer = null, at } = line;
  const { source = null, payment = null } = keys;
  const told = { kind, word, identity, reference, component, gross, currency, payer, at, source, payment };
  return { accountId: 1, provider, ...told };
}
