import { Argument, type Command, Option } from 'commander';
import { endpointView, secretView } from '../api/views.ts';
import type { ShownEndpoint, ShownSecret } from '../endpoints/service.ts';
import { PosternError } from '../errors.ts';
import { providers } from '../providers/index.ts';
import type { CommandContext } from './context.ts';
import { endpointIdOf, endpointServiceOf } from './endpoint-lookup.ts';
import { duration, withInput } from './options.ts';
import { moment, table } from './table.ts';

type RotateOptions = { readonly secret: string; readonly overlap?: number };

const NAMES = [...providers.keys()];

/** What is done with the secrets of an endpoint, below `endpoint`. */
export function registerSecrets(endpoint: Command, context: CommandContext): void {
  const named = () => new Argument('<provider>').choices(NAMES);
  endpoint
    .command('rotate')
    .description('add a new secret; those before it end after a while')
    .addArgument(named())
    .argument('<name>')
    .requiredOption('--secret <secret>', 'the new signing secret; "-" reads it from standard input')
    .addOption(
      new Option(
        '--overlap <time>',
        'how long the old ones are still good, such as 30m, 24h or 7d; by default as long as the processor may sign' +
          ' with them: Stripe and Razorpay 24h, Adyen 30d, Shopify 1h, others as long as they try to deliver, at least 24h',
      ).argParser(duration),
    )
    .addHelpText('after', '\nExample:\n  npx postern endpoint rotate stripe main --secret - --overlap 24h < secret.txt')
    .action((provider: string, name: string, options: RotateOptions) => rotate(provider, name, options, context));
  endpoint
    .command('secrets')
    .description('list the secrets of an endpoint: their windows and uses, and which may be removed')
    .addArgument(named())
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  npx postern endpoint secrets stripe main --json')
    .action((provider: string, name: string) => list(provider, name, context));
  endpoint
    .command('remove-secret')
    .description('remove a secret that is idle; refuses one that a request may still be signed with')
    .addArgument(named())
    .argument('<name>')
    .argument('<id>', 'as "endpoint secrets" shows it')
    .option('--force', 'remove it at once, even the last one')
    .addHelpText(
      'after',
      '\nExample:\n  npx postern endpoint remove-secret stripe main 01890a5d-ac96-774b-bcce-b302099a8057',
    )
    .action((provider: string, name: string, id: string, { force = false }: { force?: boolean }) =>
      remove({ provider, name, id, force }, context),
    );
}

async function rotate(provider: string, name: string, options: RotateOptions, context: CommandContext): Promise<void> {
  const [secret = ''] = await withInput([options.secret], context);
  const { made, overlapMs } = await context.withDatabase(async (database) => {
    const service = endpointServiceOf(database, context);
    const id = await endpointIdOf(database, provider, name);
    const overlap = options.overlap ?? (await service.get(id)).rotationOverlapMs;
    return { made: secretView(await service.rotate(id, secret, overlap, context.actor)), overlapMs: overlap };
  });
  const until = new Date(context.clock.now() + overlapMs).toISOString();
  if (context.json) return context.out(JSON.stringify({ ...made, others_until: until }, null, 2));
  const why = options.overlap === undefined ? `, as long as ${titleOf(provider)} may sign with them` : '';
  context.out(
    `The new secret is good from now on; those before it until ${moment(until)}${why}.\n` +
      'The processor must sign with the new one before that. When the old ones may be removed:\n\n' +
      `  npx postern endpoint secrets ${provider} ${name}`,
  );
}

async function list(provider: string, name: string, context: CommandContext): Promise<void> {
  const endpoint = await context.withDatabase(async (database) =>
    endpointServiceOf(database, context).get(await endpointIdOf(database, provider, name)),
  );
  // The address is of no interest here.
  const { secrets, rotation_overlap_s } = endpointView(endpoint, '');
  if (context.json) return context.out(JSON.stringify({ secrets, rotation_overlap_s }, null, 2));
  if (secrets.length === 0) {
    return context.out(
      `There is no secret yet. Add one:\n\n  npx postern endpoint rotate ${provider} ${name} --secret -`,
    );
  }
  context.out(
    table<ShownSecret>(
      [
        { title: 'SECRET', of: ({ id }) => id },
        { title: 'STATE', of: stateText },
        { title: 'USES', of: ({ uses }) => String(uses), right: true },
        { title: 'LAST USED', of: ({ last_used_at: at }) => time(at) },
        { title: 'GOOD FROM', of: ({ not_before: at }) => time(at) },
        { title: 'GOOD UNTIL', of: ({ not_after: at }) => time(at) },
        { title: 'MAY BE REMOVED', of: removalText },
      ],
      endpoint.secrets,
    ),
  );
  const idle = endpoint.secrets.find(({ removableSince: since }) => since !== null);
  if (idle !== undefined) context.out(`\nRemove: npx postern endpoint remove-secret ${provider} ${name} ${idle.id}`);
}

async function remove(
  { provider, name, id, force }: { provider: string; name: string; id: string; force: boolean },
  context: CommandContext,
): Promise<void> {
  const left = await context.withDatabase(async (database): Promise<ShownEndpoint> => {
    const service = endpointServiceOf(database, context);
    const endpointId = await endpointIdOf(database, provider, name);
    if (!(await service.get(endpointId)).secrets.some((secret) => secret.id === id)) {
      throw new PosternError(
        'not_found',
        `${provider}/${name} has no such secret; "npx postern endpoint secrets ${provider} ${name}" shows those it has`,
      );
    }
    try {
      await service.removeSecret(endpointId, id, context.actor, { careful: !force });
    } catch (error) {
      if (!(error instanceof PosternError) || error.code !== 'conflict') throw error;
      throw new PosternError('conflict', `${error.message}; --force removes it all the same`);
    }
    return service.get(endpointId);
  });
  if (context.json) return context.out(JSON.stringify({ removed: id, secrets: left.secrets.map(secretView) }, null, 2));
  context.out(`Removed; ${provider}/${name} has ${left.secrets.length} left.`);
}

function stateText({ state, last_used_at: used }: ShownSecret): string {
  if (state === 'idle') return used === null ? 'not used yet' : `idle since ${time(used)}`;
  return state.replace('_', ' ');
}

function removalText({ removableAt, removableSince }: ShownSecret): string {
  if (removableSince !== null) return 'yes';
  return removableAt === null ? 'no' : `if idle until ${time(removableAt)}`;
}

function time(at: Date | null): string {
  return moment(at?.toISOString() ?? null);
}

function titleOf(provider: string): string {
  return providers.get(provider)?.title ?? provider;
}
