import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { expect, it } from 'vitest';
import type { CommandContext } from '../../src/commands/context.ts';
import { createProgram } from '../../src/main.ts';

const RUNBOOKS = resolve(import.meta.dirname, '../../docs/runbooks');

type Use = {
  readonly page: string;
  readonly text: string;
  readonly words: readonly string[];
  readonly options: readonly string[];
};

/** Every `npx postern …` of the pages: its leading words, of which the first one or two are a command, and its options. */
const uses: Use[] = readdirSync(RUNBOOKS)
  .filter((name) => name.endsWith('.md'))
  .flatMap((page) =>
    [...readFileSync(join(RUNBOOKS, page), 'utf8').matchAll(/npx postern ([a-z][^`\n]*)/g)].map(([, text = '']) => {
      const tokens = text.replaceAll(/"[^"]*"/g, '"…"').split(/\s+/);
      const end = tokens.findIndex((token) => !/^[a-z-]+$/.test(token) || token.startsWith('-'));
      return {
        page,
        text,
        words: tokens.slice(0, end === -1 ? tokens.length : end),
        options: tokens.filter((token) => /^--[a-z]/.test(token)).map((token) => token.replace(/[^a-z-].*$/, '')),
      };
    }),
  );

const childOf = (command: Command, name: string | undefined): Command | undefined =>
  command.commands.find((one) => one.name() === name);

function faultsOf({ page, text, words, options }: Use, program: Command): string[] {
  const [top, sub] = words;
  const parent = childOf(program, top);
  const command =
    parent !== undefined && parent.commands.length > 0 && sub !== undefined ? childOf(parent, sub) : parent;
  if (command === undefined) return [`${page}: there is no ${text}`];
  const known = [...command.options.map(({ long }) => long), '--json', '--help'];
  return options.filter((option) => !known.includes(option)).map((option) => `${page}: no ${option} in ${text}`);
}

it('names only commands and options that there are', () => {
  expect(uses.length).toBeGreaterThan(50);
  const program = createProgram({} as CommandContext);
  expect(uses.flatMap((use) => faultsOf(use, program))).toEqual([]);
});
