import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { launch } from './launcher.ts';

const FOLDER = join(import.meta.dirname, '../../docs/runbooks');
/** Nothing that is done in an incident of this size takes longer. */
const PATIENCE_MS = 60_000;

export type OnCall = {
  /**
   * Runs a command that stands in a runbook, with `--json`, and returns what it prints. Options may have other values than
   * there, arguments too. @throws where the runbook has no such command, and where it ends with anything but 0
   */
  run(runbook: string, command: string, args?: readonly string[], input?: string): Promise<unknown>;
};

/** Somebody who knows the runbooks and nothing else. */
export function createOnCall(env: Record<string, string>): OnCall {
  const known = new Map(readdirSync(FOLDER).map((file) => [file.replace(/\.md$/, ''), commandsOf(file)]));
  return {
    async run(runbook, command, args = [], input = '') {
      const options = args.filter((one) => one.startsWith('--'));
      const told = known.get(runbook)?.filter((one) => `${one} `.startsWith(`${command} `)) ?? [];
      const said = told.some((one) => options.every((option) => one.split(' ').includes(option)));
      if (!said) throw new Error(`${runbook}.md has no "npx postern ${command}" with ${options.join(' ')}`);
      const launched = launch([...command.split(' '), ...args, '--json'], env, { input });
      const late = setTimeout(() => launched.child.kill('SIGKILL'), PATIENCE_MS);
      const { status, out, err } = await launched.ended.finally(() => clearTimeout(late));
      expect({ command, args, status, err }).toEqual({ command, args, status: 0, err: '' });
      return JSON.parse(out);
    },
  };
}

/** What stands behind each `npx postern` of a runbook, in code of either form. */
function commandsOf(file: string): string[] {
  const text = readFileSync(join(FOLDER, file), 'utf8');
  return [...text.matchAll(/npx postern ([^`\n]+)/g)].map(([, command = '']) =>
    command.replace(/ +[#<] .*$/, '').trim(),
  );
}
