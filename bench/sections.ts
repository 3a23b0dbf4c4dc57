import type { LoadResult } from './load.ts';
import { waitUntilPosted } from './posted.ts';
import { median, medianRatio, type Pair } from './ratios.ts';
import type { Server, Stand } from './stand.ts';

/** How long and how often; the figures, or a quick look. */
export type Effort = {
  readonly pairs: number;
  readonly seconds: number;
  readonly warmUpS: number;
  readonly postedS: number;
  /** Postings that are there before the ledger by itself is measured, and for how long it is. */
  readonly books: { readonly postings: number; readonly seconds: number };
  /** Events among which is searched. */
  readonly searched: number;
  /** Lines of each report that is imported. */
  readonly reconcile: { readonly lines: number };
  /** Open items beside as many lines of reports, when matching is measured. */
  readonly items: number;
  /** Dead events that are run again, how often it is compared with the same load without, and for how long each. */
  readonly replay: { readonly events: number; readonly pairs: number; readonly seconds: number };
  /** Payments, refunds and disputes of a world that is reconciled. */
  readonly objects: number;
};

export const FULL: Effort = {
  pairs: 5,
  seconds: 4,
  warmUpS: 2,
  postedS: 20,
  books: { postings: 10_000_000, seconds: 60 },
  searched: 10_000_000,
  reconcile: { lines: 1_000_000 },
  items: 1_000_000,
  replay: { events: 100_000, pairs: 3, seconds: 20 },
  objects: 1_000_000,
};
export const QUICK: Effort = {
  pairs: 1,
  seconds: 2,
  warmUpS: 1,
  postedS: 5,
  books: { postings: 200_000, seconds: 5 },
  searched: 200_000,
  reconcile: { lines: 50_000 },
  items: 100_000,
  replay: { events: 6_000, pairs: 1, seconds: 5 },
  objects: 20_000,
};

export type Figures = Record<string, number>;
type Tell = (line: string) => void;

/** More than any server here answers in a second, so that a closed loop never runs dry. */
const PER_SECOND_MAX = 12_000;
const CONNECTIONS = [1, 16, 64, 256] as const;
const STEADY_RATE = 1_000;

export async function measured(server: Server, connections: number, effort: Effort): Promise<LoadResult> {
  await server.prepare(Math.ceil((effort.warmUpS + effort.seconds) * perSecond(connections)));
  // One pool for both: what was sent while warming up is not sent again.
  await server.load({ connections, seconds: effort.warmUpS, rate: null, cycle: false, from: 0 });
  const result = await server.load({ connections, seconds: effort.seconds, rate: null, cycle: false, from: null });
  if (result.other > 0 || result.broken > 0)
    throw new Error(`${result.other} answers were no 2xx and ${result.broken} did not come`);
  return result;
}

function perSecond(connections: number): number {
  return connections === 1 ? PER_SECOND_MAX / 2 : PER_SECOND_MAX;
}

/** Acknowledging alone, bare before each. */
export async function acknowledging(stand: Stand, effort: Effort, tell: Tell): Promise<Figures> {
  const figures: Figures = {};
  for (const connections of CONNECTIONS) {
    const pairs: Pair[] = [];
    const results: LoadResult[] = [];
    // Only the ratio at 64 is an aim; the others are one measurement each.
    for (let i = 0; i < (connections === 64 ? effort.pairs : 1); i += 1) {
      const bare = await stand.withServer('bare', (server) => measured(server, connections, effort));
      const ours = await stand.withServer('acknowledge', (server) => measured(server, connections, effort));
      pairs.push({ bare: bare.perSecond, value: ours.perSecond });
      results.push(ours);
      tell(
        `acknowledge, ${connections} connections: bare ${rate(bare)}, ours ${rate(ours)} (p99 ${ours.p99Ms.toFixed(1)} ms)`,
      );
    }
    figures[`ack_rps_${connections}`] = median(pairs.map(({ value }) => value));
    figures[`ack_p99_ms_${connections}`] = median(results.map(({ p99Ms }) => p99Ms));
    if (connections === 64) {
      figures.ack_ratio_64 = medianRatio(pairs);
      figures.bare_rps = median(pairs.map(({ bare }) => bare));
      figures.generator_us = median(results.map(({ cpuUs }) => cpuUs));
    }
  }
  return figures;
}

/** Against a transaction a webhook, at 64 connections and at one. */
export async function againstNaive(stand: Stand, effort: Effort, tell: Tell): Promise<Figures> {
  const figures: Figures = {};
  for (const connections of [64, 1] as const) {
    const pairs: Pair[] = [];
    for (let i = 0; i < effort.pairs; i += 1) {
      const naive = await stand.withServer('naive', (server) => measured(server, connections, effort));
      const ours = await stand.withServer('acknowledge', (server) => measured(server, connections, effort));
      pairs.push({ bare: naive.perSecond, value: ours.perSecond });
      tell(`naive, ${connections} connections: naive ${rate(naive)}, ours ${rate(ours)}`);
    }
    figures[`ack_over_naive_${connections}`] = medianRatio(pairs);
    if (connections === 64) figures.naive_rps = median(pairs.map(({ bare }) => bare));
  }
  return figures;
}

const STORM_EVENTS = 2_000;

/** The same 2,000 events again and again, after they were stored once. */
export async function duplicates(stand: Stand, effort: Effort, tell: Tell): Promise<Figures> {
  const storm = async (server: Server): Promise<LoadResult> => {
    await server.prepare(STORM_EVENTS);
    await server.load({ connections: 64, seconds: effort.warmUpS + 5, rate: null, cycle: false, from: 0 });
    // Storing 2,000 events takes half a second: what is measured after it must be the storm, not its compilation.
    await server.load({ connections: 64, seconds: effort.warmUpS, rate: null, cycle: true, from: 0 });
    return server.load({ connections: 64, seconds: effort.seconds, rate: null, cycle: true, from: 0 });
  };
  const pairs: Pair[] = [];
  for (let i = 0; i < effort.pairs; i += 1) {
    const bare = await stand.withServer('bare', storm);
    const ours = await stand.withServer('acknowledge', storm);
    pairs.push({ bare: bare.perSecond, value: ours.perSecond });
    tell(`duplicates: bare ${rate(bare)}, ours ${rate(ours)}`);
  }
  return { duplicate_ratio: medianRatio(pairs) };
}

/** Acknowledging and posting at once, until the last event is posted. */
export async function posting(stand: Stand, effort: Effort, tell: Tell): Promise<Figures> {
  const pairs: Pair[] = [];
  for (let i = 0; i < effort.pairs; i += 1) {
    const bare = await stand.withServer('bare', (server) => measured(server, 64, effort));
    const perSecondPosted = await stand.withServer('acknowledge_and_post', async (server) => {
      await server.prepare(Math.ceil(effort.warmUpS * PER_SECOND_MAX));
      await server.load({ connections: 64, seconds: effort.warmUpS, rate: null, cycle: false, from: 0 });
      await waitUntilPosted(stand.sql);
      const run = await server.prepare(Math.ceil(effort.postedS * PER_SECOND_MAX * 0.8));
      const result = await server.load({ connections: 64, seconds: effort.postedS, rate: null, cycle: false, from: 0 });
      const posted = await waitUntilPosted(stand.sql, { run, startedAt: result.startedAt, rate: null });
      tell(`post: acknowledged ${rate(result)}, ${posted.events} posted after ${posted.seconds.toFixed(1)} s`);
      return posted.events / posted.seconds;
    });
    pairs.push({ bare: bare.perSecond, value: perSecondPosted });
    tell(`post: bare ${rate(bare)}, posted ${perSecondPosted.toFixed(0)}/s`);
  }
  return { posted_eps: median(pairs.map(({ value }) => value)), posted_ratio: medianRatio(pairs) };
}

/** A steady 1,000 a second, whatever the answers do: latency counts from when a request was due. */
export async function steady(stand: Stand, effort: Effort, tell: Tell): Promise<Figures> {
  const seconds = Math.max(effort.seconds, effort.postedS / 2);
  return stand.withServer('acknowledge_and_post', async (server) => {
    await server.prepare(STEADY_RATE * effort.warmUpS);
    await server.load({ connections: 256, seconds: effort.warmUpS, rate: STEADY_RATE, cycle: false, from: 0 });
    const run = await server.prepare(STEADY_RATE * seconds + STEADY_RATE);
    const result = await server.load({ connections: 256, seconds, rate: STEADY_RATE, cycle: false, from: 0 });
    const posted = await waitUntilPosted(stand.sql, { run, startedAt: result.startedAt, rate: STEADY_RATE });
    tell(
      `steady: ${rate(result)}, acknowledged p99 ${result.p99Ms.toFixed(1)} ms, posted p99 ${posted.p99Ms.toFixed(0)} ms`,
    );
    return { ack_p99_ms_1000: result.p99Ms, posted_p99_ms_1000: posted.p99Ms };
  });
}

function rate(result: LoadResult): string {
  return `${result.perSecond.toFixed(0)}/s`;
}
