import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { messageOf } from '../errors.ts';
import { providers } from '../providers/index.ts';
import type { WebhookRequest } from '../providers/provider.ts';
import type { PlannedRequest } from './traffic.ts';

/** What came back for one request. `status` is 0 where nothing did. */
export type Sent = {
  readonly planned: PlannedRequest;
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
  /** From sending to the whole answer. */
  readonly ms: number;
  readonly error: string | null;
};

export type SendSummary = {
  readonly sent: number;
  readonly accepted: number;
  /** Tampered requests that were refused as their processor is, mostly with 401. */
  readonly refused: number;
  /** Anything but the answer the plan expects. */
  readonly unexpected: number;
  readonly by_status: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** The first answers that were not as expected. */
  readonly examples: readonly string[];
};

export type SendOptions = {
  /** Requests a second; null: as fast as the answers come. */
  readonly rate: number | null;
  readonly connections: number;
  readonly timeoutMs: number;
  readonly onProgress?: (sent: number, accepted: number) => void;
  readonly signal?: AbortSignal;
};

const EXAMPLES_MAX = 5;
const LATENCIES_MAX = 1_000_000;
const ANSWER_CHARS_MAX = 64 * 1024;

/** Sends planned requests, each signed at the moment it goes, and compares the answers with what the plan expects. */
export async function sendTraffic(
  plan: Iterable<PlannedRequest>,
  sign: (planned: PlannedRequest) => WebhookRequest,
  options: SendOptions,
): Promise<SendSummary> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  const latencies: number[] = [];
  const byStatus: Record<string, number> = {};
  const examples: string[] = [];
  const inFlight = new Set<Promise<void>>();
  let sent = 0;
  let accepted = 0;
  let refused = 0;
  let unexpected = 0;

  function note(result: Sent): void {
    const key = result.status === 0 ? 'no answer' : String(result.status);
    byStatus[key] = (byStatus[key] ?? 0) + 1;
    if (latencies.length < LATENCIES_MAX) latencies.push(result.ms);
    const ok = result.status >= 200 && result.status < 300;
    if (result.planned.expect === 'rejected' ? result.status === refusalStatus(result.planned.provider) : ok) {
      if (ok) accepted += 1;
      else refused += 1;
      return;
    }
    unexpected += 1;
    if (examples.length < EXAMPLES_MAX) {
      examples.push(
        `${result.planned.provider}, expected ${result.planned.expect}: ${result.error ?? `${result.status} ${result.body.slice(0, 300)}`}`,
      );
    }
  }

  const start = performance.now();
  try {
    for (const planned of plan) {
      if (options.signal?.aborted === true) break;
      if (options.rate !== null) await until(start + (sent * 1000) / options.rate);
      if (inFlight.size >= options.connections) await Promise.race(inFlight);
      sent += 1;
      const answered = sendOne(planned, sign(planned), agent, options.timeoutMs)
        .then(note)
        .finally(() => inFlight.delete(answered));
      inFlight.add(answered);
      options.onProgress?.(sent, accepted);
    }
    await Promise.all(inFlight);
  } finally {
    agent.destroy();
  }
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    sent,
    accepted,
    refused,
    unexpected,
    by_status: byStatus,
    seconds: rounded((performance.now() - start) / 1000),
    p50_ms: rounded(at(0.5)),
    p99_ms: rounded(at(0.99)),
    examples,
  };
}

/** With which status this processor is told that a request is not its own: 401, Worldpay 400, GoCardless 498. */
export function refusalStatus(provider: string): number | undefined {
  return providers.get(provider)?.acknowledge({ kind: 'rejected', reason: 'signature_mismatch', detail: '' }).status;
}

/** One request over HTTP. Never rejects: no answer is a result as well. */
export function sendOne(
  planned: PlannedRequest,
  signed: WebhookRequest,
  agent: Agent | undefined,
  timeoutMs: number,
): Promise<Sent> {
  const started = performance.now();
  return new Promise((resolve) => {
    const end = (answer: Pick<Sent, 'status' | 'body' | 'headers' | 'error'>): void =>
      resolve({ planned, ms: performance.now() - started, ...answer });
    const fail = (error: unknown): void => end({ status: 0, body: '', headers: {}, error: messageOf(error) });
    const headers = { ...Object.fromEntries(signed.headers), 'content-length': signed.body.length };
    const outgoing = httpRequest(
      signed.url,
      { method: signed.method, headers, agent, timeout: timeoutMs },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          if (body.length < ANSWER_CHARS_MAX) body += text;
        });
        response.on('end', () =>
          end({ status: response.statusCode ?? 0, body, headers: response.headers, error: null }),
        );
        response.on('error', fail);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    outgoing.on('error', fail);
    outgoing.end(signed.body);
  });
}

function until(moment: number): Promise<void> {
  const left = moment - performance.now();
  return left <= 1 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, left));
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
