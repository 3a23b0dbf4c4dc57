import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { providers } from '../../src/providers/index.ts';
import type { SettlementFormat } from '../../src/providers/settlement-format.ts';
import { bankFormats } from '../../src/reconcile/bank/formats.ts';
import type { BankItem } from '../../src/reconcile/bank-format.ts';
import { DISCREPANCY_CLASSES } from '../../src/reconcile/engine/verdict.ts';
import { signRequest } from '../../src/simulate/sign-request.ts';
import type { AccountWorld } from '../../src/simulate/world/account-world.ts';
import { statementFiles } from '../../src/simulate/world/bank/statement-files.ts';
import { DIALECTS, dialectOf } from '../../src/simulate/world/dialects.ts';
import { abilitiesOf } from '../../src/simulate/world/fault-tools.ts';
import { FAULT_KINDS, faultOf } from '../../src/simulate/world/faults.ts';
import { netOf } from '../../src/simulate/world/movement.ts';
import { type HandedIn, reportFiles } from '../../src/simulate/world/report-files.ts';
import { bodyOf, worldTarget } from '../../src/simulate/world/signed-events.ts';
import { inTransit } from '../../src/simulate/world/transit.ts';
import { createWorld, type PlannedAccount } from '../../src/simulate/world/world.ts';
import { writeWorld } from '../../src/simulate/world/write-world.ts';
import { readReport } from '../support/report-reading.ts';

const PROVIDERS = [...DIALECTS.keys()];
/** As many accounts of each as there are currencies and formats of banks, so that each is tried. */
const plain = (provider: string): PlannedAccount[] =>
  Array.from({ length: 12 }, (_, turn) => ({
    provider,
    faults: [],
    currency: dialectOf(provider).currencies[turn % dialectOf(provider).currencies.length]?.code ?? '',
  }));
const plan = { start: '2026-03-02', livesPerDay: 6 };

describe.each(PROVIDERS)('%s', (provider) => {
  const world = createWorld({ ...plan, seed: 'read', accounts: plain(provider).slice(0, 4) });

  it('has reports that its readers take whole, and that come to the truth', async () => {
    for (const account of world.accounts) for (const file of reportFiles(account)) await expectTruth(account, file);
  });

  it('has disputes, as far as its webhooks and reports tell them', () => {
    const { dialect } = world.accounts[0]?.account ?? {};
    if (dialect === undefined) throw new Error('a world without its account');
    const kinds = new Set<string>();
    for (const one of world.accounts)
      for (let batch = 1; batch <= one.account.calendar.batches; batch += 1)
        for (const { kind } of one.report(batch).movements()) kinds.add(kind);
    expect(kinds).toContain('chargeback');
    const never = ['withdrawal', 'loss'].includes(abilitiesOf(dialect).disputes);
    expect(kinds.has('chargeback_reversal')).toBe(!never);
  });

  it('never pays out less than nothing where its processor never debits', () => {
    for (const { account, report } of world.accounts) {
      if (account.dialect.negatives || account.dialect.mode === 'balance') continue;
      for (let batch = 1; batch <= account.calendar.batches; batch += 1)
        expect(report(batch).payout.amount, `${account.name} ${batch}`).toBeGreaterThan(0n);
    }
  });

  it('signs what it tells, and tells what can be read', () => {
    const adapter = providers.get(provider);
    for (const one of world.accounts.slice(0, 1)) {
      const { target, secret } = worldTarget(one.account);
      if (secret === null) continue;
      for (const event of [...one.events()].slice(0, 60)) {
        const signed = signRequest({ provider, body: bodyOf(one.account, event), tampering: null }, target, event.at);
        const context = {
          secrets: [{ id: 'a', secret }],
          settings: target.settings,
          now: event.at,
          certificates: { get: () => undefined },
        };
        expect(adapter?.verify(signed, context)).toMatchObject({ kind: 'authentic' });
        expect(adapter?.identify(signed, target.settings)).toMatchObject({ kind: 'events' });
      }
    }
  });

  it('has settings that an endpoint takes', () => {
    for (const { account } of world.accounts)
      expect(providers.get(provider)?.checkSettings(worldTarget(account).target.settings)).toEqual([]);
  });
});

describe('statements', () => {
  const world = createWorld({ ...plan, seed: 'bank', accounts: plain('stripe') });

  it('close, follow each other, and have every payout of their days', async () => {
    for (const account of world.accounts) {
      let closing: bigint | null = null;
      const seen: bigint[] = [];
      for (const file of statementFiles(account)) {
        const items = await bankItems(file.text);
        expect(items.filter(({ type }) => type === 'fault')).toEqual([]);
        const statements = items.filter((item) => item.type === 'statement');
        expect(statements).toHaveLength(file.statements.length);
        for (const [n, statement] of statements.entries()) {
          const truth = file.statements[n];
          expect(statement).toMatchObject({
            opening: truth?.opening,
            closing: truth?.closing,
            entries: truth?.bookings.length,
          });
          if (closing !== null) expect(statement.opening).toBe(closing);
          closing = statement.closing;
        }
        seen.push(...items.flatMap((item) => (item.type === 'entry' ? [item.amount] : [])));
      }
      const paid = Array.from(
        { length: account.account.calendar.batches - 1 },
        (_, n) => account.report(n + 1).payout.amount,
      );
      expect(seen).toEqual(expect.arrayContaining(paid));
    }
  });
});

describe('a world', () => {
  const faulty = PROVIDERS.flatMap((provider): PlannedAccount[] =>
    FAULT_KINDS.filter((kind) => faultOf(kind).fits(dialectOf(provider))).map((kind) => ({ provider, faults: [kind] })),
  );

  it('is the same bytes for the same seed, and others for another', async () => {
    const accounts: PlannedAccount[] = PROVIDERS.map((provider) => ({ provider, faults: ['bank_short'] }));
    const hashes: string[] = [];
    for (const seed of ['a', 'a', 'b']) {
      const folder = await mkdtemp(join(tmpdir(), 'postern-world-'));
      try {
        const hash = createHash('sha256');
        const paths: string[] = [];
        await writeWorld(createWorld({ ...plan, seed, accounts }), folder, ({ path }) => paths.push(path));
        for (const path of paths) hash.update(path).update(await readFile(join(folder, path)));
        hashes.push(hash.digest('hex'));
      } finally {
        await rm(folder, { recursive: true });
      }
    }
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  it('changes in nothing but what a fault is done to', () => {
    const [whole, faulted] = [[], ['bank_short' as const]].map((faults) =>
      createWorld({ ...plan, seed: 'one', accounts: [{ provider: 'adyen', faults }] }),
    );
    const events = (world: typeof whole) => JSON.stringify([...(world?.accounts[0]?.events() ?? [])]);
    // Its batch is kept free of what is settled over several days; all else is as it was.
    expect(events(whole)).not.toBe('');
    expect(faulted?.accounts[0]?.report(9).payout.amount).toBe(whole?.accounts[0]?.report(9).payout.amount);
  });

  it('says of each fault what comes of it, with an item or without', () => {
    const world = createWorld({ ...plan, seed: 'labels', accounts: faulty });
    const silent = new Set([
      'duplicate_event',
      'moved',
      'file_late',
      'file_overlaps',
      'payout_returned',
      'bank_unnamed',
      'changed_fee',
      'reserve_rolls',
    ]);
    for (const [n, { provider, faults }] of faulty.entries()) {
      const labels = world.labels.filter(({ account }) => new RegExp(`^sim${provider}\\d+b?$`).test(account));
      expect(labels.length, `${provider} ${n}`).toBeGreaterThan(0);
      for (const fault of faults)
        if (!silent.has(fault))
          expect(
            labels.map((label) => label.fault),
            `${provider} ${fault}`,
          ).toContain(fault);
    }
    // Both sides of a movement under the wrong account or currency come to nothing.
    for (const name of ['wrong_account'] as const) {
      const sum = world.labels
        .filter((label) => label.class === name)
        .reduce((total, { delta }) => total + BigInt(delta ?? 0), 0n);
      expect(sum).toBe(0n);
    }
  });

  it('has a fault for every class that there is', () => {
    const labelled = new Set(
      createWorld({ ...plan, seed: 'classes', accounts: faulty }).labels.map((one) => one.class),
    );
    expect([...labelled].sort()).toEqual([...DISCREPANCY_CLASSES].sort());
  });

  it('leaves nothing in transit in an account that fell silent long ago', () => {
    const accounts: PlannedAccount[] = ['stripe', 'adyen'].map((provider) => ({
      provider,
      faults: ['dispute_left', 'reserve_kept'],
    }));
    const world = createWorld({ ...plan, seed: 'old', accounts });
    for (const one of world.accounts) {
      expect(inTransit(one)).toEqual({ pending: 0, underMissingFile: 0, disputes: 0, reserves: 0, bank: 0 });
      expect(one.account.settings.live_from).toBe('2025-08-29');
    }
    const names = ['dispute_stale', 'reserve_overdue'];
    expect(world.labels.map((label) => label.class)).toEqual([...names, ...names]);
  });

  it('says of a file that contradicts itself why it is taken', () => {
    const world = createWorld({ ...plan, seed: 'taken', accounts: [{ provider: 'adyen', faults: ['cut_accepted'] }] });
    const [account] = world.accounts;
    if (account === undefined) throw new Error('a world without its account');
    const taken = reportFiles(account).filter(({ acceptDifference }) => acceptDifference !== null);
    expect(taken.map(({ batches }) => batches)).toEqual([[4]]);
  });

  it('refuses what cannot be shown, and more faults than there is room for', () => {
    expect(() =>
      createWorld({ ...plan, seed: 1, accounts: [{ provider: 'adyen', faults: ['payout_short'] }] }),
    ).toThrow('payout_short cannot happen');
    const many = Array.from({ length: 4 }, () => 'bank_short' as const);
    expect(() => createWorld({ ...plan, seed: 1, accounts: [{ provider: 'stripe', faults: many }] })).toThrow(
      'no room',
    );
    expect(() => createWorld({ ...plan, seed: 1, accounts: [{ provider: 'xendit', faults: [] }] })).toThrow(
      'no settlement reports',
    );
    expect(() =>
      createWorld({ ...plan, seed: 1, accounts: [{ provider: 'stripe', faults: ['line_cut', 'reserve_kept'] }] }),
    ).toThrow('newest report');
  });
});

async function expectTruth(world: AccountWorld, file: HandedIn): Promise<void> {
  const { account } = world;
  const { provider } = account.dialect.simulator;
  const text = [...file.text()].join('');
  const format = formatOf(provider, text, file.name);
  expect(format.name).toBe(account.dialect.format);
  const context = {
    account: account.name,
    settings: worldTarget(account).target.settings,
    zone: account.dialect.zone,
    fileName: file.name,
  };
  const read = await readReport(format, text, { ...context, mode: account.dialect.mode });
  expect(read.faults, `${account.name} ${file.name}`).toEqual([]);
  for (const batch of file.batches) {
    const report = world.report(batch);
    const reference = account.dialect.batchReference(report.payout);
    const lines = read.lines.map(({ line }) => line).filter((line) => line.batch === reference);
    const sums = { gross: 0n, fee: 0n, tax: 0n, net: 0n, payout: 0n, carried: 0n };
    for (const line of lines) {
      if (line.kind === 'payout') sums.payout += line.net;
      else if (line.kind === 'carry_forward') sums.carried += line.net;
      else {
        sums.gross += line.gross;
        sums.fee += line.fee;
        sums.tax += line.tax;
        sums.net += line.net;
      }
    }
    const carried = report.carriedIn - report.carriedOut;
    expect(sums, `${account.name} ${file.name}`).toMatchObject({
      net: report.net,
      tax: report.tax,
      payout: -report.payout.amount,
      carried,
    });
    const expected = [...report.movements()].flatMap((movement) =>
      movement.life === null || netOf(movement) === 0n ? [] : [movement.reference],
    );
    const named = lines.flatMap((line) => ('reference' in line && line.net !== 0n ? [line.reference] : []));
    for (const reference of expected) expect(named, file.name).toContain(reference);
  }
}

function formatOf(provider: string, text: string, name: string): SettlementFormat {
  const head = text.slice(0, 64 * 1024);
  const format = providers.get(provider)?.settlements?.find((one) => one.recognises(head, name));
  if (format === undefined) throw new Error(`no reader of ${provider} knows ${name}`);
  return format;
}

async function bankItems(text: string): Promise<BankItem[]> {
  const format = bankFormats.find((one) => one.recognises(text.slice(0, 64 * 1024)));
  if (format === undefined) throw new Error('no reader knows this statement');
  async function* bytes() {
    yield Buffer.from(text);
  }
  const items: BankItem[] = [];
  for await (const group of format.read(bytes(), { zone: 'UTC', mapping: null, fileName: null })) items.push(...group);
  return items;
}
