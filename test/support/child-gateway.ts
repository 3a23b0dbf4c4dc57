import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** What the child is told on its command line, and what it answers. */
export type ChildOrder = {
  readonly databaseUrl: string;
  readonly serve: boolean;
  readonly work: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** So many charges Stripe lists, made at `at` (unix seconds). */
  readonly listed?: { readonly charges: number; readonly at: number };
};
export type ChildAnswer =
  | { readonly kind: 'started'; readonly url: string | null }
  | { readonly kind: 'memory'; readonly rssMb: number };

export type ChildGateway = {
  readonly pid: number;
  /** Empty where it only works. */
  readonly url: string;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** As Ctrl-C would; throws unless it ends with 0. */
  stop(): Promise<void>;
  /** The most memory it ever had resident. */
  rssMb(): Promise<number>;
};

/** A gateway process on a database that is migrated. The caller ends it. */
export async function startChildGateway(
  databaseUrl: string,
  { serve = true, work = true, env = {}, listed }: Partial<Omit<ChildOrder, 'databaseUrl'>> = {},
): Promise<ChildGateway> {
  const order: ChildOrder = { databaseUrl, serve, work, env, ...(listed === undefined ? {} : { listed }) };
  const child = fork(new URL('./gateway-child.ts', import.meta.url), [JSON.stringify(order)], {
    stdio: ['ignore', process.env.TEST_LOG === undefined ? 'ignore' : 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  });
  const exited = once(child, 'exit');
  const started = await nextAnswer(child, 'started');
  return {
    pid: child.pid ?? 0,
    url: started.url ?? '',
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const [code] = await exited;
      if (code !== 0) throw new Error(`the gateway process ended with ${code ?? child.signalCode}`);
    },
    async rssMb() {
      const answer = nextAnswer(child, 'memory');
      child.send({ kind: 'memory' });
      return (await answer).rssMb;
    },
  };
}

function nextAnswer<K extends ChildAnswer['kind']>(
  child: ChildProcess,
  kind: K,
): Promise<Extract<ChildAnswer, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      act();
    };
    const onMessage = (message: unknown): void => {
      // `as`: our own child, our own message.
      const answer = message as ChildAnswer;
      if (answer.kind === kind) settle(() => resolve(answer as Extract<ChildAnswer, { kind: K }>));
    };
    const onExit = (code: number | null): void =>
      settle(() => reject(new Error(`the gateway process ended with ${code}`)));
    child.on('message', onMessage);
    child.on('exit', onExit);
  });
}
