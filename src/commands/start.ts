import type { Command } from 'commander';
import { createTokenService } from '../access/service.ts';
import { systemClock } from '../clock.ts';
import { type Config, readConfig } from '../config.ts';
import { type Database, openDatabase } from '../database.ts';
import { createGateway, type Gateway } from '../gateway.ts';
import { createLog, type Log } from '../log.ts';
import { sqlOf } from '../postgres/sql.ts';
import { type Greeting, greet } from './greeting.ts';

const STOP_WITHIN_MS = 25_000;
/** A terminal's Ctrl-C may reach us twice, from the terminal and from npm: that is one wish to stop, not two. */
const SAME_SIGNAL_MS = 500;

export type RunContext = {
  readonly env: NodeJS.ProcessEnv;
  readonly out: (line: string) => void;
  /** Resolves when the process is told to stop; called again for a second signal. */
  readonly onSignal: (stop: (signal: NodeJS.Signals) => void) => () => void;
};

export function registerStart(program: Command, context: RunContext): void {
  const modes = [
    ['start', 'answer webhooks and the API, and post events: all in one process', true, true],
    ['serve', 'answer webhooks and the API only', true, false],
    ['work', 'post events and keep house only', false, true],
  ] as const;
  for (const [name, description, serve, work] of modes) {
    program
      .command(name)
      .description(description)
      .addHelpText('after', `\nExample:\n  DATABASE_URL=postgresql://postern@localhost/postern npx postern ${name}`)
      .action(() => run(context, { name, serve, work }));
  }
}

async function run(context: RunContext, mode: { name: string; serve: boolean; work: boolean }): Promise<void> {
  const config = readConfig(context.env);
  const log = createLog(config.logLevel);
  // One process holds the embedded server; a `serve` or `work` beside it uses it.
  const database = await openDatabase(config, log, { exclusive: mode.name === 'start' });
  let gateway: Gateway | undefined;
  const stopped = untilSignal(context, log);
  try {
    gateway = await startGateway(config, database, log, mode, context);
    await stopped.signal;
  } finally {
    stopped.deadline(STOP_WITHIN_MS);
    await gateway?.stop();
    await database.close();
    stopped.end();
  }
  log.info('stopped');
}

async function startGateway(
  config: Config,
  database: Database,
  log: Log,
  mode: { serve: boolean; work: boolean },
  context: RunContext,
): Promise<Gateway> {
  const gateway = await createGateway({
    config,
    database,
    keyring: database.keyring,
    log,
    clock: systemClock,
    serve: mode.serve,
    work: mode.work,
  });
  try {
    const { url } = await gateway.start();
    const greeting: Greeting = {
      config,
      database,
      url,
      gateway,
      tokens: createTokenService({ sql: sqlOf(gateway.pools.api) }),
    };
    for (const line of await greet(greeting)) context.out(line);
    return gateway;
  } catch (error) {
    await gateway.stop();
    throw error;
  }
}

/** The first signal asks, a second one later or the deadline insists: safe at any instant, as kill -9 is. */
function untilSignal(context: RunContext, log: Log) {
  let firstAt: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let end = (): void => undefined;
  const signal = new Promise<void>((resolve) => {
    end = context.onSignal((name) => {
      const now = performance.now();
      if (firstAt !== undefined && now - firstAt > SAME_SIGNAL_MS) {
        log.warn({ signal: name }, 'told to stop again: ending at once');
        process.exit(1);
      }
      firstAt ??= now;
      log.info({ signal: name }, 'stopping: finishing what is in hand');
      resolve();
    });
  });
  return {
    signal,
    deadline(ms: number) {
      timer = setTimeout(() => {
        log.error('what is in hand was not finished in time: ending');
        process.exit(1);
      }, ms);
    },
    end() {
      clearTimeout(timer);
      end();
    },
  };
}
