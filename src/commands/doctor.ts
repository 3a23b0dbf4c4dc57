import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import { type DoctorReport, examine, unopened } from './doctor-checks.ts';
import { countExactly, type EndpointCount } from './doctor-store.ts';
import { probeHealth } from './doctor-urls.ts';

const MARKS = { ok: 'ok     ', info: 'info   ', warning: 'warning', failed: 'FAILED ' } as const;

export function register(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description('check the set-up, and say how to mend what is wrong')
    .option('--count', 'count every event, exactly; takes its time on a large table')
    .addHelpText('after', '\nExample:\n  npx postern doctor --json')
    .action(async ({ count = false }: { count?: boolean }) => {
      const { report, counts } = await look(count, context);
      const wrong = (counts ?? []).filter((one) => !addsUp(one));
      if (context.json) {
        context.out(JSON.stringify({ ...report, ...(counts === null ? {} : { counts: counts.map(shown) }) }, null, 2));
      } else context.out([readable(report), ...(counts ?? []).map(countLine)].join('\n'));
      if (wrong.length > 0 || report.checks.some(({ status }) => status === 'failed')) context.fail();
    });
}

async function look(
  count: boolean,
  context: CommandContext,
): Promise<{ report: DoctorReport; counts: EndpointCount[] | null }> {
  try {
    return await context.withDatabase(
      async ({ sql, keyring, limited }) => ({
        report: await examine({
          sql,
          keyring,
          limited,
          nodeVersion: process.version,
          config: context.config(),
          clock: context.clock,
          probe: probeHealth,
        }),
        counts: count ? await countExactly(sql) : null,
      }),
      { migrating: false },
    );
  } catch (error) {
    // Not to be opened is what doctor is asked about most of all.
    return { report: unopened(process.version, error), counts: null };
  }
}

/** Accepted items = events + duplicates + those forgotten, and events = the sum over the five states. */
export function addsUp({
  accepted,
  events,
  duplicates,
  forgotten,
  queued,
  posted,
  no_effect,
  deferred,
  dead,
}: EndpointCount): boolean {
  return accepted === events + duplicates + forgotten && events === queued + posted + no_effect + deferred + dead;
}

function shown(count: EndpointCount): object {
  const numbers = Object.entries(count).map(([name, value]) => [
    name,
    typeof value === 'bigint' ? Number(value) : value,
  ]);
  return { ...Object.fromEntries(numbers), adds_up: addsUp(count) };
}

function readable({ database, checks }: DoctorReport): string {
  const head =
    database === null
      ? []
      : [
          `Postgres ${database.version}, login ${database.login}, running as ${database.role}`,
          `ledger tables ${database.ledger_tables.join(', ')}, protected by ${database.protected_by.join(' and ') || 'nothing'}`,
        ];
  const lines = checks.flatMap(({ status, name, found, mend }) => [
    `${MARKS[status]}  ${name}: ${found}`,
    ...(mend === null ? [] : [`         → ${mend}`]),
  ]);
  return [...head, ...lines].join('\n');
}

function countLine(count: EndpointCount): string {
  const { endpoint, accepted, events, duplicates, forgotten, queued, posted, no_effect: none, deferred, dead } = count;
  return (
    `${addsUp(count) ? MARKS.ok : MARKS.failed}  ${endpoint}: ${accepted} accepted = ${events} events + ${duplicates} duplicates` +
    `${forgotten === 0n ? '' : ` + ${forgotten} forgotten`}; ` +
    `${queued} queued, ${posted} posted, ${none} no_effect, ${deferred} deferred, ${dead} dead`
  );
}
