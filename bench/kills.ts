import { parseArgs } from 'node:util';
import type pg from 'pg';
import { isAcknowledged, sendCharges } from '../test/support/charges.ts';
import { crashAgainAndAgain } from '../test/support/crash.ts';
import { BENCH_ENDPOINT } from './endpoint.ts';
import { waitUntilPosted } from './posted.ts';
import { openStand } from './stand.ts';

/*
 * 200 times: a gateway process under load, killed with SIGKILL at a moment of chance, at least half of the time with
 * requests in flight. Then what promise 1 of the design says: every id that got a 2xx is posted, every charge has exactly
 * one transaction, and ids that got none are there after they were sent again. test/faults/crash.test.ts does it 20 times.
 */
const LIFE_MS_MAX = 1_500;
const EVENTS_A_ROUND = 400;

async function main(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values } = parseArgs({ args, options: { kills: { type: 'string' }, seed: { type: 'string' } } });
  const kills = Math.min(10_000, Number(values.kills ?? 200));
  const seed = values.seed ?? String(Date.now());
  process.stdout.write(`${kills} kills, seed ${seed}\n`);
  const stand = await openStand(env.DATABASE_URL ?? null);
  try {
    const { answered, unanswered, inFlight, odd } = await crashAgainAndAgain(
      { start: () => stand.startDoomedServer(), target: BENCH_ENDPOINT },
      {
        kills,
        seed,
        eventsARound: EVENTS_A_ROUND,
        lifeMsMax: LIFE_MS_MAX,
        onKill: (killed, events) => {
          if (killed % 10 === 0) process.stdout.write(`${killed} kills, ${events} events answered\n`);
        },
      },
    );
    const faults = odd.slice(0, 20).map(({ id, status }) => `${id} was answered ${status}`);
    await stand.withServer('acknowledge_and_post', async ({ port }) => {
      const again = await sendCharges(`http://127.0.0.1:${port}`, unanswered, 32, BENCH_ENDPOINT);
      const refused = again.filter((answer) => !isAcknowledged(answer)).length;
      if (refused > 0) faults.push(`${refused} events got no 2xx from a gateway that nobody killed`);
      await waitUntilPosted(stand.sql);
    });
    faults.push(...(await faultsOf(stand.sql, [...answered, ...unanswered.keys()])));
    if (inFlight * 2 < kills) faults.push(`only ${inFlight} of ${kills} kills had requests in flight`);
    for (const fault of faults) process.stdout.write(`FAILED: ${fault}\n`);
    if (faults.length === 0)
      process.stdout.write(
        `${kills} kills (${inFlight} with requests in flight), ${answered.size + unanswered.size} events: none lost, none twice\n`,
      );
    return faults.length === 0 ? 0 : 1;
  } finally {
    await stand.close();
  }
}

async function faultsOf(sql: pg.Pool, ids: readonly string[]): Promise<string[]> {
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
  const wrong = await sql.query<{ event_id: string; times: number }>(
    `select a.event_id, count(t.id)::int as times from unnest($1::text[]) as a (event_id)
     left join postern.transactions t
       on t.effect_key like 'stripe:%' and split_part(t.effect_key, ':', 3) = 'ch_' || substr(a.event_id, 5)
     group by 1 having count(t.id) <> 1 limit 20`,
    [ids],
  );
  return [
    ...missing.rows.map(
      (row) =>
        `${row.event_id} is ${row.status ?? 'not there'} after ${row.attempts} attempts (${row.error_code}: ${row.error_message})`,
    ),
    ...wrong.rows.map((row) => `${row.event_id} has ${row.times} transactions`),
  ];
}

process.exitCode = await main(process.argv.slice(2), process.env);
