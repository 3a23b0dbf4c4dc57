import type pg from 'pg';
import { createTokenService } from '../access/token-service.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { adminTokenFile, type FirstStart, readAdminToken, SAMPLE } from './first-start.ts';
import { reachable } from './gateway-url.ts';
import { sampleCurl, sampleRequest } from './sample-request.ts';

export type Greeting = {
  readonly config: Config;
  readonly database: { readonly embedded: boolean };
  readonly pool: pg.Pool;
  readonly clock: Clock;
  /** Null where nothing is served. */
  readonly url: string | null;
  /** Null but at the embedded database's first start. */
  readonly first: FirstStart | null;
};

const TOKENS_LOOKED_AT = 500;
const DEFAULT_URL = 'http://127.0.0.1:3000';

/** Where to look, and what to do next: what `start` says to the person before the screen. */
export async function greet(greeting: Greeting): Promise<string[]> {
  const { url, config, first, clock } = greeting;
  if (url === null) return ['', 'Postern works: events are posted as they come. Ctrl-C finishes what is in hand.', ''];
  const local = reachable(url);
  const lines = ['', `Postern answers at ${local}`, '', `  documentation  ${local}/docs`];
  lines.push(`  database       ${greeting.database.embedded ? `embedded, in ${config.dataDir}` : 'DATABASE_URL'}`);
  lines.push(...(await adminTokenLines(greeting)), '');
  if (first === null) return lines;
  const request = sampleRequest({ url: local, secret: first.sampleSecret, now: clock.now() });
  const where = local === DEFAULT_URL ? '' : ` --url ${local}`;
  const token = first.token ?? '$POSTERN_ADMIN_TOKEN';
  lines.push(
    `Try it: a charge of EUR 10.00, signed for the endpoint ${SAMPLE.provider}/${SAMPLE.name} (good for 5 minutes):`,
    '',
    sampleCurl(request),
    '',
    'Signed afresh, whenever you like:',
    '',
    `  npx postern simulate --once stripe${where}`,
    '',
    'What became of it:',
    '',
    '  npx postern events list',
    `  curl -sS -H "Authorization: Bearer ${token}" ${local}/api/v1/trial-balance`,
    '',
  );
  return lines;
}

async function adminTokenLines({ config, database, first, pool, clock }: Greeting): Promise<string[]> {
  if (config.adminToken !== null) return ['  admin token    the one in POSTERN_ADMIN_TOKEN'];
  const file = adminTokenFile(config);
  if (first?.token != null) return [`  admin token    ${first.token}`, `                 (kept in ${file})`];
  if (database.embedded && readAdminToken(config) !== null) return [`  admin token    kept in ${file}`];
  const tokens = await createTokenService({ pool }).list({ after: '', limit: TOKENS_LOOKED_AT });
  const live = tokens.some(({ expires_at: expires }) => expires === null || expires.getTime() > clock.now());
  if (live) return [];
  return ['  admin token    none yet; make the first:', '', '    npx postern token create --name admin --role admin'];
}
