import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { sendTraffic } from '../../src/simulate/send.ts';
import { signRequest } from '../../src/simulate/sign-request.ts';
import { type PlannedRequest, planTraffic } from '../../src/simulate/traffic.ts';

const NOW = Date.UTC(2026, 0, 15, 12);
const OPTIONS = { rate: null, connections: 8, timeoutMs: 1_000 };
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function listen(status: (headers: NodeJS.Dict<string | string[]>, n: number) => number): Promise<string> {
  let n = 0;
  server = createServer((request, response) => {
    n += 1;
    const answer = status(request.headers, n);
    request.resume().on('end', () => {
      if (answer === 0) request.socket.destroy();
      else response.writeHead(answer, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/stripe/sim`;
}

function plan(count: number, tampered = 0): PlannedRequest[] {
  const traffic = planTraffic({
    seed: 1,
    providers: ['stripe'],
    startedAt: NOW,
    account: 'sim',
    duplicates: 0,
    tampered,
    disorder: 0,
  });
  return Array.from({ length: count }, () => traffic.next().value);
}

const signFor = (url: string) => (planned: PlannedRequest) =>
  signRequest(planned, { url, secret: 'whsec_test', settings: {}, account: 'sim' }, NOW);

describe('sending', () => {
  it('counts what was answered as planned', async () => {
    const url = await listen(() => 200);
    const summary = await sendTraffic(plan(50), signFor(url), OPTIONS);
    expect(summary).toMatchObject({
      sent: 50,
      accepted: 50,
      refused: 0,
      unexpected: 0,
      by_status: { 200: 50 },
      examples: [],
    });
  });

  it('holds it against a gateway that takes forgeries', async () => {
    const url = await listen(() => 200);
    const requests = plan(60, 0.3);
    const forged = requests.filter((one) => one.expect === 'rejected').length;
    const summary = await sendTraffic(requests, signFor(url), OPTIONS);
    expect(forged).toBeGreaterThan(5);
    expect(summary).toMatchObject({ sent: 60, accepted: 60 - forged, unexpected: forged });
    expect(summary.examples[0]).toContain('expected rejected: 200');
  });

  it('counts no answer and 5xx as unexpected, and goes on', async () => {
    const url = await listen((_, n) => (n === 3 ? 0 : n === 5 ? 503 : 200));
    const summary = await sendTraffic(plan(20), signFor(url), { ...OPTIONS, connections: 1 });
    expect(summary).toMatchObject({ sent: 20, unexpected: 2, by_status: { 503: 1, 'no answer': 1 } });
  });

  it('stops when told to', async () => {
    const url = await listen(() => 200);
    const stop = new AbortController();
    const summary = await sendTraffic(plan(50), signFor(url), {
      ...OPTIONS,
      signal: stop.signal,
      onProgress: (sent) => {
        if (sent === 7) stop.abort();
      },
    });
    expect(summary.sent).toBe(7);
  });
});
