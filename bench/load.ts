import { connect, type Socket } from 'node:net';
import type { RequestPool } from './requests.ts';

export type LoadPlan = {
  readonly port: number;
  readonly connections: number;
  /** Ends the load, with what is in flight answered first. */
  readonly seconds: number;
  /** Requests a second at fixed moments whatever the answers do; null: each connection sends when it was answered. */
  readonly rate: number | null;
  /** Start again from the first when all were sent: a storm of duplicates. */
  readonly cycle: boolean;
  /** The first request to send; null: go on where the last load stopped. */
  readonly from: number | null;
};

export type LoadResult = {
  readonly sent: number;
  /** The first request of the pool that was not sent. */
  readonly next: number;
  readonly ok: number;
  readonly other: number;
  readonly broken: number;
  /** Seconds from the first request to the last answer. */
  readonly seconds: number;
  readonly perSecond: number;
  /** Unix ms of the first request. */
  readonly startedAt: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** This process's own CPU time a request. */
  readonly cpuUs: number;
};

type Connection = {
  readonly socket: Socket;
  /** When the request in flight was, or should have been, sent (performance.now()); 0 when idle. */
  since: number;
  partial: Buffer | null;
};

const HEADER_END = Buffer.from('\r\n\r\n');
const DRAIN_MS = 10_000;
const RESPONSE_MAX = 64 * 1024;

/**
 * Sends over raw sockets with the least work a request can cost: on two cores a generator that parses HTTP properly takes
 * half of what it measures. One request in flight a connection.
 */
export async function runLoad(pool: RequestPool, plan: LoadPlan, first: number): Promise<LoadResult> {
  const connections = await Promise.all(Array.from({ length: plan.connections }, () => open(plan.port)));
  const latencies: number[] = [];
  const idle: Connection[] = [];
  let next = first;
  let sent = 0;
  let ok = 0;
  let other = 0;
  let broken = 0;
  let inFlight = 0;
  let expectedLength = 0;
  let lastAnswer = 0;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const closed = plan.rate === null;
  const cpuBefore = process.cpuUsage();
  const startedAt = Date.now();
  const start = performance.now();
  const end = start + plan.seconds * 1000;
  let stopping = false;

  function exhausted(): boolean {
    return !plan.cycle && next >= pool.count;
  }

  function send(connection: Connection, since: number): void {
    const at = (next % pool.count) * pool.slot;
    next += 1;
    sent += 1;
    inFlight += 1;
    connection.since = since;
    connection.socket.write(pool.bytes.subarray(at, at + pool.slot));
  }

  function answered(connection: Connection, status: number): void {
    const now = performance.now();
    latencies.push(now - connection.since);
    if (status === 2) ok += 1;
    else other += 1;
    lastAnswer = now;
    inFlight -= 1;
    connection.since = 0;
    if (closed) {
      if (now < end && !exhausted()) send(connection, now);
      else stop();
    } else {
      idle.push(connection);
      sendDue(now);
    }
  }

  function stop(): void {
    stopping = true;
    if (inFlight === 0) finish();
  }

  /** Open loop: the latency of a request that had to wait for a free connection counts from when it was due. */
  function sendDue(now: number): void {
    const rate = plan.rate ?? 0;
    const due = Math.floor((Math.min(now, end) - start) * rate * 0.001);
    while (sent < due && idle.length > 0 && !exhausted()) {
      const connection = idle.pop();
      if (connection !== undefined) send(connection, start + (sent * 1000) / rate);
    }
    if (now >= end && (sent >= due || exhausted())) stop();
  }

  for (const connection of connections) {
    connection.socket.on('data', (chunk: Buffer) => {
      // An answer of a size seen before, in one piece: nothing to parse but the status.
      if (connection.partial === null && chunk.length === expectedLength) {
        answered(connection, chunk.readUInt8(9) - 0x30);
        return;
      }
      const whole = connection.partial === null ? chunk : Buffer.concat([connection.partial, chunk]);
      const length = lengthOf(whole);
      if (length === null || whole.length < length) {
        connection.partial = whole.length > RESPONSE_MAX ? null : whole;
        return;
      }
      connection.partial = null;
      if (whole.readUInt8(9) === 0x32) expectedLength = length;
      answered(connection, whole.readUInt8(9) - 0x30);
    });
    connection.socket.on('close', () => {
      if (connection.since === 0) return;
      broken += 1;
      inFlight -= 1;
      if (stopping && inFlight === 0) finish();
    });
    connection.socket.on('error', () => connection.socket.destroy());
    if (closed) send(connection, performance.now());
    else idle.push(connection);
  }
  const ticker = closed ? undefined : setInterval(() => sendDue(performance.now()), 1);
  const limit = setTimeout(finish, plan.seconds * 1000 + DRAIN_MS);
  await finished;
  clearInterval(ticker);
  clearTimeout(limit);
  const cpu = process.cpuUsage(cpuBefore);
  for (const { socket } of connections) socket.destroy();
  latencies.sort((a, b) => a - b);
  const seconds = (lastAnswer - start) / 1000;
  return {
    sent,
    next,
    ok,
    other,
    broken: broken + inFlight,
    seconds,
    perSecond: ok / seconds,
    startedAt,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuUs: (cpu.user + cpu.system) / Math.max(1, sent),
  };
}

/** The length of the answer that begins here, or null when its head is not whole. */
function lengthOf(bytes: Buffer): number | null {
  const head = bytes.indexOf(HEADER_END);
  if (head === -1) return null;
  const found = /content-length: *(\d+)/i.exec(bytes.toString('latin1', 0, head));
  return head + HEADER_END.length + Number(found?.[1] ?? 0);
}

function open(port: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve({ socket, since: 0, partial: null });
    });
  });
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
