import { parseArgs } from 'node:util';
import type pg from 'pg';
import { createRandom } from '../src/simulate/random.ts';
import { wholeLives } from '../src/simulate/traffic.ts';
import { createCrashClient } from './crash-client.ts';
import { waitUntilPosted } from './posted.ts';
import { openStand } from './stand.ts';

/*
 * 200 times: a gateway process under load, killed with SIGKILL at a moment of chance, at least half of the time with
 * requests in flight. Then what promise 1 of the design says: every id that got a 2xx is posted, every charge has exactly
 * one transaction, and ids that got none are there after they were sent again.
 */
const RUN_MS_MAX = 1_500;
const EVENTS_A_ROUND = 400;

async function main(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values } = parseArgs({ args, options: { kills: { type: 'string' }, seed: { type: 'string' } } });
  const kills = Math.min(10_000, Number(values.kills ?? 200));
  const seed = values.seed ?? String(Date.now());
  const random = createRandom(seed);
  process.stdout.write(`${kills} kills, seed ${seed}\n`);
  const stand = await openStand(env.DATABASE_URL ?? null);
  const unanswered = new Map<string, string>();
  const answered = new Set<string>();
  let inFlightKills = 0;
  try {
    for (let round = 1; round <= kills; round += 1) {
      const bodies = chargesOf(`${seed}/${round}`);
      for (const [id, body] of bodies) unanswered.set(id, body);
      await stand.withDoomedServer(async (port, kill) => {
        const client = createCrashClient(port, (id) => {
          answered.add(id);
          unanswered.delete(id);
        });
        const sending = client.send(unanswered, 'until_killed');
        await new Promise((resolve) => setTimeout(resolve, random.between(1, RUN_MS_MAX)));
        if (client.inFlight() > 0) inFlightKills += 1;
        kill();
        await sending;
      });
      if (round % 10 === 0)
        process.stdout.write(`${round} kills, ${answered.size} answered, ${unanswered.size} to send again\n`);
    }
    await stand.withServer('acknowledge_and_post', async ({ port }) => {
      const client = createCrashClient(port, (id) => {
        answered.add(id);
        unanswered.delete(id);
      });
      await client.send(unanswered, 'once');
      await waitUntilPosted(stand.sql);
    });
    const faults = await faultsOf(stand.sql, answered);
    if (unanswered.size > 0) faults.push(`${unanswered.size} events got no answer from a gateway that nobody killed`);
    if (inFlightKills * 2 < kills) faults.push(`only ${inFlightKills} of ${kills} kills had requests in flight`);
    for (const fault of faults) process.stdout.write(`FAILED: ${fault}\n`);
    if (faults.length === 0)
      process.stdout.write(
        `${kills} kills (${inFlightKills} with requests in flight), ${answered.size} events: none lost, none twice\n`,
      );
    return faults.length === 0 ? 0 : 1;
  } finally {
    await stand.close();
  }
}

/** Event id → body, each the capture of another payment. */
function chargesOf(seed: string): Map<string, string> {
  const bodies = new Map<string, string>();
  for (const { requests } of wholeLives('stripe', {
    seed,
    count: EVENTS_A_ROUND,
    startedAt: Date.now() - 86_400_000,
    account: 'bench',
  })) {
    const body = requests.find(
      (one) => one.body.includes('"charge.succeeded"') && one.body.includes('"captured": true'),
    )?.body;
    const id = body === undefined ? undefined : /"id": "(evt_[^"]+)"/.exec(body)?.[1];
    if (body !== undefined && id !== undefined) bodies.set(id, body);
  }
  return bodies;
}

async function faultsOf(sql: pg.Pool, answered: ReadonlySet<string>): Promise<string[]> {
  const faults: string[] = [];
  const ids = [...answered];
  const missing = await sql.query<{
    event_id: string;
    status: string | null;
    attempts: number;
    error_code: string | null;
    error_message: string | null;
  }>(
    `select a.event_id, e.status, e.attempts, e.error_code, e.error_message from unnest($1::text[]) as a (event_id)
     left join postern.events e on e.event_id = a.event_id where e.status is distinct from 'posted' limit 20`,
    [ids],
  );
  for (const row of missing.rows)
    faults.push(
      `${row.event_id} was acknowledged and is ${row.status ?? 'not there'} after ${row.attempts} attempts (${row.error_code}: ${row.error_message})`,
    );
  const twice = await sql.query<{ reference: string }>(
    `select reference from postern.postings p join postern.transactions t on t.id = p.transaction_id
     where t.kind = 'payment.captured' and p.component = 'gross' group by reference having count(*) <> 1 limit 20`,
  );
  for (const row of twice.rows) faults.push(`${row.reference} was posted more than once`);
  return faults;
}

process.exitCode = await main(process.argv.slice(2), process.env);
