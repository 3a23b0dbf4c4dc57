import { mkdir, readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { messageOf, PosternError } from '../errors.ts';
import { DIALECTS, dialectOf } from '../simulate/world/dialects.ts';
import { type FaultKind, faultOf } from '../simulate/world/faults.ts';
import { createWorld, type PlannedAccount } from '../simulate/world/world.ts';
import { writeWorld } from '../simulate/world/write-world.ts';
import type { CommandContext } from './context.ts';
import type { SimulateOptions } from './simulate-target.ts';

/** Options of `simulate --reports`. */
export type ReportsOptions = SimulateOptions & {
  readonly reports: string;
  readonly faults: readonly FaultKind[];
  readonly start: string;
  readonly payments: number;
};

/** Writes a world to a folder: webhooks, settlement reports, bank statements, and what is to be found in them. Sends nothing. */
export async function simulateReports(options: ReportsOptions, context: CommandContext): Promise<void> {
  const folder = resolve(options.reports);
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0)
    throw new PosternError('invalid_request', `${folder} is not empty: a world is written to a folder of its own`);
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  const providers = options.providers.filter((name) => DIALECTS.has(name));
  if (providers.length === 0)
    throw new PosternError('invalid_request', `--providers: reports can be made of ${[...DIALECTS.keys()].join(', ')}`);
  const accounts = providers.flatMap((provider) => accountsOf(provider, options.faults));
  const world = worldOf({ seed, start: options.start, livesPerDay: options.payments, accounts });
  const { files, bytes } = await writeWorld(world, folder);
  const told = { seed, folder, accounts: world.accounts.length, files, bytes, discrepancies: world.labels.length };
  if (context.json) context.out(JSON.stringify(told, null, 2));
  else
    context.out(
      `${folder}\n  ${world.accounts.length} accounts, ${files} files, ${bytes} bytes (seed ${seed})\n` +
        `  ${world.labels.length} discrepancies are to be found in them: labels.json\n` +
        '  what is where, and in which order: manifest.json',
    );
}

/** An account without any fault, and one for each fault that can happen there. */
function accountsOf(provider: string, faults: readonly FaultKind[]): PlannedAccount[] {
  const fitting = faults.filter((kind) => faultOf(kind).fits(dialectOf(provider)));
  return [{ provider, faults: [] }, ...fitting.map((kind) => ({ provider, faults: [kind] }))];
}

function worldOf(plan: Parameters<typeof createWorld>[0]): ReturnType<typeof createWorld> {
  try {
    return createWorld(plan);
  } catch (cause) {
    throw new PosternError('invalid_request', messageOf(cause), { cause });
  }
}
