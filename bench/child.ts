import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** A process of the bench's own that is asked one thing at a time. */
export type Child<Order, Answer> = {
  readonly pid: number;
  ask(order: Order, timeoutS?: number): Promise<Answer>;
  end(): Promise<void>;
  /** SIGKILL: nothing is finished. */
  kill(): void;
};

const END_MS = 30_000;

export function startChild<Order extends object, Answer extends { readonly kind: string }>(
  file: string,
  env: Readonly<Record<string, string>> = {},
): Child<Order, Answer> {
  const child: ChildProcess = fork(new URL(file, import.meta.url), [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // As bin/postern.mjs starts the gateway.
    env: { ...process.env, NODE_COMPILE_CACHE: 'node_modules/.cache/postern', ...env },
    execArgv: ['--max-semi-space-size=8'],
  });
  const exited = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    async ask(order, timeoutS = 120) {
      const answer = new Promise<Answer>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`${file} did not answer within ${timeoutS} s`)),
          timeoutS * 1000,
        );
        const settle = (act: () => void): void => {
          clearTimeout(timer);
          child.off('message', onMessage);
          child.off('exit', onExit);
          act();
        };
        const onMessage = (message: unknown): void => {
          // `as`: our own child, our own message.
          const told = message as Answer & { readonly message?: string };
          settle(() => (told.kind === 'failed' ? reject(new Error(`${file}: ${told.message}`)) : resolve(told)));
        };
        const onExit = (code: number | null): void => settle(() => reject(new Error(`${file} ended with ${code}`)));
        child.on('message', onMessage);
        child.on('exit', onExit);
      });
      child.send(order);
      return answer;
    },
    kill() {
      child.kill('SIGKILL');
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const limit = setTimeout(() => child.kill('SIGKILL'), END_MS);
      await exited;
      clearTimeout(limit);
    },
  };
}
