import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { openDatabase } from '../database.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Gateway } from '../gateway.ts';
import { createLog, type Log } from '../log.ts';
import type { CommandContext } from './context.ts';
import { noteFirstStart, prepareFirstStart } from './first-start.ts';
import { greet } from './greeting.ts';

/** A terminal's Ctrl-C may reach us twice, from the terminal and from npm: that is one wish to stop, not two. */
const SAME_SIGNAL_MS = 500;

type Mode = { readonly name: string; readonly serve: boolean; readonly work: boolean };

export function register(program: Command, context: CommandContext): void {
  const modes: (Mode & { description: string })[] = [
    { name: 'start', description: 'answer webhooks and the API, and post events', serve: true, work: true },
    { name: 'serve', description: 'answer webhooks and the API only', serve: true, work: false },
    { name: 'work', description: 'post events and keep house only', serve: false, work: true },
  ];
  for (const mode of modes) {
    program
      .command(mode.name)
      .description(mode.description)
      .addHelpText(
        'after',
        `\nExamples:\n  npx postern ${mode.name}\n  DATABASE_URL=postgresql://postern@localhost/postern npx postern ${mode.name}`,
      )
      .action(() => run(context, mode));
  }
}

async function run(context: CommandContext, mode: Mode): Promise<void> {
  const config = context.config();
  const log = createLog(config.logLevel);
  // One process holds the embedded server; a `serve` or `work` beside it uses it.
  const database = await openDatabase(config, log, { exclusive: mode.name === 'start' });
  const stopping = untilSignal(context, log);
  try {
    // Here and not above: the other commands need nothing of it, and answer sooner without.
    const { createGateway } = await import('../gateway.ts');
    const { clock } = context;
    const gateway = await createGateway({
      config,
      database,
      keyring: database.keyring,
      log,
      clock,
      serve: mode.serve,
      work: mode.work,
    });
    try {
      // Before the gateway listens, so that the printed request is answered from the first moment.
      const first = mode.serve ? await prepareFirstStart({ config, database, pool: gateway.pools.api, clock }) : null;
      const { url } = await listen(gateway, config);
      for (const line of await greet({ config, database, pool: gateway.pools.api, clock, url, first }))
        context.out(line);
      if (first !== null) await noteFirstStart(gateway.pools.api);
      await stopping.signal;
      log.info('stopping: what is in hand is finished');
    } finally {
      stopping.within(context.stopWithinMs);
      await gateway.stop();
    }
  } finally {
    stopping.within(context.stopWithinMs);
    await database.close();
    stopping.end();
  }
  log.info('stopped');
}

async function listen(gateway: Gateway, { host, port }: Config): Promise<{ url: string | null }> {
  try {
    return await gateway.start();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const at = `port ${port} at ${host}`;
    if (code === 'EADDRINUSE') {
      throw new PosternError('config_invalid', `${at} is in use by another program: stop it, or set PORT`, { cause });
    }
    if (code === 'EACCES') {
      throw new PosternError('config_invalid', `${at} may not be listened on by this user: set PORT over 1023`, {
        cause,
      });
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
      throw new PosternError('config_invalid', `HOST is ${host}, no address of this machine (${messageOf(cause)})`, {
        cause,
      });
    }
    throw cause;
  }
}

/** The first signal asks, a second one later or the deadline insists: safe at any instant, as kill -9 is. */
function untilSignal(context: CommandContext, log: Log) {
  let firstAt: number | undefined;
  let deadline: NodeJS.Timeout | undefined;
  let end = (): void => undefined;
  const signal = new Promise<void>((resolve) => {
    end = context.onSignal((name) => {
      const now = performance.now();
      if (firstAt !== undefined && now - firstAt > SAME_SIGNAL_MS) {
        log.warn({ signal: name }, 'told to stop again: ending at once');
        process.exit(1);
      }
      firstAt ??= now;
      resolve();
    });
  });
  return {
    signal,
    within(ms: number): void {
      if (deadline !== undefined) return;
      deadline = setTimeout(() => {
        log.error('what is in hand was not finished in time: ending');
        process.exit(1);
      }, ms);
      // Never cleared: a handle that somebody forgot must not keep a stopped gateway alive either.
      deadline.unref();
    },
    end: () => end(),
  };
}
