import { createHash } from 'node:crypto';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { readEvents } from '../../src/ingest/read-events.ts';
import { providers } from '../../src/providers/index.ts';
import type { EndpointSettings } from '../../src/providers/provider.ts';
import { createRandom } from '../../src/simulate/random.ts';
import { signRequest } from '../../src/simulate/sign-request.ts';
import { type SimulatedTarget, simulatedEndpoint } from '../../src/simulate/simulator.ts';
import { simulators } from '../../src/simulate/simulators.ts';
import type { PlannedRequest } from '../../src/simulate/traffic.ts';
import { simulatorOf } from '../../src/simulate/traffic.ts';
import { uuidv7Bytes } from '../../src/uuid.ts';
import type { TestDatabase } from '../support/database.ts';
import type { Pipeline } from '../support/pipeline.ts';

/** Endpoints for what every simulated processor tells, without the way through HTTP: what comes after the signature. */
export type SimulatedEndpoints = {
  readonly all: readonly Endpoint[];
  send(pipeline: Pipeline, planned: Omit<PlannedRequest, 'number'>): Promise<void>;
};

export const SIMULATED_ACCOUNT = 'acct_sim';

/** Their webhooks name objects or prove no amounts: without a key for the API money waits, and nothing is posted. */
const WAITING: ReadonlySet<string> = new Set(['amazon-pay', 'gocardless', 'klarna', 'plaid', 'wise', 'xendit']);

/** The processors whose events post by themselves. */
export const POSTING = [...simulators.keys()].filter((name) => !WAITING.has(name));

export async function makeSimulatedEndpoints(
  database: TestDatabase,
  settings: EndpointSettings = {},
): Promise<SimulatedEndpoints> {
  const endpoints = new Map<string, { endpoint: Endpoint; target: SimulatedTarget }>();
  for (const name of POSTING) {
    const provider = providers.get(name);
    if (provider === undefined) throw new Error(`no provider ${name}`);
    for (const destination of ['main', 'thin']) {
      const where = { url: `http://127.0.0.1/webhooks/${name}/${destination}`, account: SIMULATED_ACCOUNT };
      const { target } = simulatedEndpoint(simulatorOf(name), where, { random: createRandom(name), now: Date.now() });
      const own = { ...target.settings, ...settings };
      const { rows } = await database.sql.query<{ id: number }>(
        'insert into postern.endpoints (provider, name, account, settings) values ($1, $2, $3, $4) returning id',
        [name, destination, SIMULATED_ACCOUNT, JSON.stringify(own)],
      );
      const endpoint: Endpoint = {
        id: rows[0]?.id ?? 0,
        provider,
        name: destination,
        account: SIMULATED_ACCOUNT,
        settings: own,
        disabled: false,
        secrets: [],
      };
      endpoints.set(`${name}/${destination}`, { endpoint, target });
    }
  }
  return {
    all: [...endpoints.values()].map(({ endpoint }) => endpoint),
    async send(pipeline, planned) {
      const known = endpoints.get(`${planned.provider}/${planned.destination}`);
      if (known === undefined) throw new Error(`nobody listens to ${planned.provider}/${planned.destination}`);
      const { endpoint, target } = known;
      const now = Date.now();
      const request = signRequest(planned, target, now);
      const identified = endpoint.provider.identify(request, endpoint.settings);
      if (identified.kind === 'control') throw new Error('a control request is no event');
      await pipeline.intake.accept({
        id: uuidv7Bytes(now),
        receivedAt: now,
        endpoint,
        method: 'POST',
        path: target.url,
        sourceIp: '127.0.0.1',
        headers: request.headers.map(([name, value]) => [name, value]),
        body: request.body,
        sha256: createHash('sha256').update(request.body).digest(),
        level: 'body',
        secretId: null,
        events: readEvents(identified, request, endpoint, now),
      });
    },
  };
}
