import { parentPort, Worker, workerData } from 'node:worker_threads';

export type Probes = { readonly ms: readonly number[]; readonly failures: readonly string[] };

const EVERY_MS = 25;

/** Probes /api/v1/health one after the other, from a thread of its own: a test busy with its load would time itself. */
export function probeHealth(origin: string): { stop(): Promise<Probes> } {
  const worker = new Worker(new URL('./health-probe.ts', import.meta.url), { workerData: { origin }, execArgv: [] });
  const result = new Promise<Probes>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return {
    async stop() {
      worker.postMessage('stop');
      const probes = await result;
      await worker.terminate();
      return probes;
    },
  };
}

async function probe(origin: string, told: NonNullable<typeof parentPort>): Promise<void> {
  const ms: number[] = [];
  const failures: string[] = [];
  let stopping = false;
  told.once('message', () => {
    stopping = true;
  });
  while (!stopping) {
    const start = performance.now();
    try {
      const response = await fetch(`${origin}/api/v1/health`);
      await response.arrayBuffer();
      if (response.status !== 200) failures.push(String(response.status));
    } catch (error) {
      failures.push(String(error));
    }
    ms.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  // The first is not the gateway's: it loads the client.
  told.postMessage({ ms: ms.slice(1), failures } satisfies Probes);
}

const data: unknown = workerData;
if (parentPort !== null && typeof data === 'object' && data !== null && 'origin' in data) {
  await probe(String(data.origin), parentPort);
}
