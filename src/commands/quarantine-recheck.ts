import type { Command } from 'commander';
import { unpackCursor } from '../api/paging.ts';
import { recheckView } from '../api/quarantine-view.ts';
import { createApiEgress } from '../api-calls.ts';
import { createCertificateStore } from '../certificate-store.ts';
import { createCertificates } from '../certificates.ts';
import { createEgress } from '../egress.ts';
import { addSecretUses } from '../endpoints/endpoint-store.ts';
import { createEndpointRegistry } from '../endpoints/registry.ts';
import { createMemoryCache } from '../ingest/duplicate-cache.ts';
import { createIntake } from '../ingest/intake.ts';
import { createRecheck, type Recheck } from '../ingest/quarantine/recheck.ts';
import { createLog } from '../log.ts';
import { createMetrics } from '../metrics.ts';
import { providers } from '../providers/index.ts';
import { UUID } from '../uuid.ts';
import type { CommandContext, CommandDatabase } from './context.ts';
import { endpointIdOf } from './endpoint-lookup.ts';
import { endpointName } from './endpoint-name.ts';
import { collect } from './options.ts';
import { showProgress } from './progress.ts';
import { oneLine } from './table.ts';

type RecheckOptions = {
  readonly endpoint: readonly [provider: string, name: string];
  readonly secret?: readonly string[];
  readonly dryRun: boolean;
  readonly reason?: string;
  readonly cursor?: string;
};
type RecheckView = ReturnType<typeof recheckView>;

const STDERR = 2;

export function registerRecheck(quarantine: Command, context: CommandContext): void {
  quarantine
    .command('recheck')
    .description('verify an endpoint’s requests again, as of when they came, and take in what is authentic')
    .requiredOption('--endpoint <provider/name>', 'whose secret or settings were mended', endpointName)
    .option(
      '--secret <id>',
      'a secret of the endpoint, whether it was valid then or not; may be given again. Without it: those valid then',
      collect,
    )
    .option('--dry-run', 'only tell what would be taken in', false)
    .option('--reason <text>', 'for the audit log')
    .option('--cursor <cursor>', 'where one that was stopped ended')
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern quarantine recheck --endpoint stripe/main --dry-run\n' +
        '  npx postern quarantine recheck --endpoint stripe/main --reason "the secret was wrong from 12:00 to 13:00"',
    )
    .action((options: RecheckOptions) => recheck(options, context));
}

async function recheck(options: RecheckOptions, context: CommandContext): Promise<void> {
  const [provider, name] = options.endpoint;
  const { dryRun, reason = null, secret: secrets = null } = options;
  const after = unpackCursor(options.cursor, [UUID])?.[0] ?? null;
  let stopped = false;
  const release = context.onSignal(() => {
    stopped = true;
  });
  try {
    const result = await context.withDatabase(async (database) => {
      const endpointId = await endpointIdOf(database, provider, name);
      return withRecheck(database, context, async (run) => {
        let bar: ReturnType<typeof showProgress> | undefined;
        const onProgress = (checked: number, of: number): void => {
          if (!context.json) bar ??= showProgress('requests verified again', of);
          bar?.update(checked);
        };
        try {
          const wish = { endpointId, secrets, dryRun, reason, after };
          return await run(wish, context.actor, { onProgress, stopped: () => stopped });
        } finally {
          bar?.end();
        }
      });
    });
    const view = recheckView(result, { dryRun, secrets });
    context.out(context.json ? JSON.stringify(view, null, 2) : readable(view));
    if (result.after !== null) context.fail();
  } finally {
    release();
  }
}

/** What a gateway has at hand for it, for the length of the command. */
async function withRecheck<T>(
  { pool, sql, keyring }: CommandDatabase,
  context: CommandContext,
  work: (recheck: Recheck) => Promise<T>,
): Promise<T> {
  const { clock } = context;
  const { ackDeadlineMs, httpsProxy, logLevel, publicUrl } = context.config();
  const log = createLog(logLevel === 'info' ? 'error' : logLevel, STDERR);
  const metrics = createMetrics({ process: false });
  const endpoints = createEndpointRegistry({ sql, providers, keyring, clock, log });
  const allowHosts = [...providers.values()].flatMap((one) => one.facts.certificateHosts ?? []);
  const egress = createEgress({ allowHosts, proxy: httpsProxy });
  const apiEgress = createApiEgress(providers.values(), httpsProxy);
  const call = context.apiCalls ?? apiEgress.call;
  const certificates = createCertificates({
    egress,
    store: createCertificateStore(sql),
    clock,
    log,
    fetchKey(endpointId, url) {
      const endpoint = endpoints.byId(endpointId);
      if (endpoint?.provider.api?.fetchKey === undefined) return null;
      const { provider, settings } = endpoint;
      return endpoint.provider.api.fetchKey(url, { settings, now: clock.now(), call: (one) => call(provider, one) });
    },
  });
  const intake = createIntake({ pool, cache: createMemoryCache(clock), clock, log, metrics, ackDeadlineMs });
  try {
    await certificates.load();
    return await work(createRecheck({ pool, endpoints, certificates, intake, keyring, clock, publicUrl }));
  } finally {
    await intake.close();
    await addSecretUses(sql, endpoints.takeUses());
    egress.close();
    apiEgress.close();
  }
}

function readable(view: RecheckView): string {
  const at = `--endpoint ${view.provider}/${view.endpoint}`;
  if (view.checked === 0) return `Nothing of ${view.provider}/${view.endpoint} is in quarantine.`;
  const { events, refused } = view;
  const brought = `${events.new} new events, ${events.duplicates} known already${events.conflicts > 0 ? `, ${events.conflicts} in conflict (npx postern events list --status dead)` : ''}`;
  const facts: [string, string][] = [
    ['checked', String(view.checked)],
    view.dry_run ? ['authentic', String(view.authentic)] : ['taken in', String(view.taken_in)],
    ...(view.authentic > 0 ? [['events', brought] satisfies [string, string]] : []),
    ...(view.empty > 0
      ? [['empty', `${view.empty}  (authentic, and no event in them)`] satisfies [string, string]]
      : []),
    ...refused.map((one): [string, string] => [
      'refused',
      `${one.requests}  ${one.reason}: ${oneLine(one.detail)} (such as ${one.example})\n${' '.repeat(11)}${one.what_to_do}`,
    ]),
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(11)}${value}`);
  if (view.next_cursor !== null)
    lines.push(`\nStopped. To go on: npx postern quarantine recheck ${at} --cursor ${view.next_cursor}`);
  else if (view.dry_run && view.authentic + view.empty > 0)
    lines.push(`\nNothing was changed. To take them in: npx postern quarantine recheck ${at}`);
  return lines.join('\n');
}
