import { Argument, type Command } from 'commander';
import { pageOf, unpackCursor } from '../api/paging.ts';
import { endpointView } from '../api/views.ts';
import { PosternError } from '../errors.ts';
import { providers } from '../providers/index.ts';
import type { EndpointSettings } from '../providers/provider.ts';
import type { CommandContext } from './context.ts';
import { endpointServiceOf } from './endpoint-lookup.ts';
import { registerSecrets } from './endpoint-secrets.ts';
import { gatewayUrl } from './gateway-url.ts';
import { collect, LIMIT_DEFAULT, limit, withInput } from './options.ts';
import { moment, table } from './table.ts';

type EndpointView = ReturnType<typeof endpointView>;
type AddOptions = { readonly secret: readonly string[]; readonly setting: readonly string[] };
type ListOptions = { readonly limit: number; readonly cursor?: string };

const NAMES = [...providers.keys()];

export function register(program: Command, context: CommandContext): void {
  const endpoint = program
    .command('endpoint')
    .description('the addresses that processors call')
    .addHelpText('after', '\nExample:\n  npx postern endpoint list');
  endpoint
    .command('add')
    .description('make a webhook address, and print it')
    .addArgument(new Argument('<provider>').choices(NAMES))
    .argument('<name>', 'its name in the address, such as main')
    .option('--secret <secret>', 'signing secret; "-" reads it from standard input; may be given again', collect, [])
    .option('--setting <name=value>', "a setting of the provider's; may be given again", collect, [])
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern endpoint add stripe main --secret - --setting mode=live < secret.txt' +
        '\n  npx postern endpoint add paypal main --setting webhook_id=WH-1234567890',
    )
    .action((provider: string, name: string, options: AddOptions) => add(provider, name, options, context));
  endpoint
    .command('list')
    .description('list webhook addresses; secrets are never shown, only when they were last used')
    .option('--limit <n>', 'at most so many', limit, LIMIT_DEFAULT)
    .option('--cursor <cursor>', 'where the page before ended')
    .addHelpText('after', '\nExample:\n  npx postern endpoint list --json')
    .action((options: ListOptions) => list(options, context));
  registerSecrets(endpoint, context);
}

async function add(provider: string, name: string, options: AddOptions, context: CommandContext): Promise<void> {
  const secrets = (await withInput(options.secret, context)).map((secret) => ({ secret }));
  const settings = settingsOf(provider, options.setting);
  const made = await context.withDatabase(async (database) => {
    const endpoint = await endpointServiceOf(database, context).create(
      { provider, name, secrets, settings },
      context.actor,
    );
    return endpointView(endpoint, gatewayUrl(context.config()));
  });
  if (context.json) return context.out(JSON.stringify(made, null, 2));
  context.out(`Made ${made.provider}/${made.name}. The processor is to call:\n\n  ${made.url}\n`);
  if (secrets.length === 0 && provider !== 'paypal') {
    context.out(
      `It refuses everything until it has a secret:\n\n  npx postern endpoint rotate ${provider} ${name} --secret -`,
    );
  }
}

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const after = Number(unpackCursor(options.cursor, [/^\d{1,9}$/])?.[0] ?? 0);
  const endpoints = await context.withDatabase((database) =>
    endpointServiceOf(database, context).list({ after, limit: options.limit + 1 }),
  );
  const base = gatewayUrl(context.config());
  const page = pageOf(
    endpoints,
    options.limit,
    ({ id }) => [String(id)],
    (endpoint) => endpointView(endpoint, base),
  );
  if (context.json) return context.out(JSON.stringify(page, null, 2));
  if (page.items.length === 0) {
    return context.out('There is no endpoint yet. Make one:\n\n  npx postern endpoint add stripe main --secret -');
  }
  context.out(
    table<EndpointView>(
      [
        { title: 'ENDPOINT', of: (view) => `${view.provider}/${view.name}` },
        { title: 'STATE', of: ({ disabled }) => (disabled ? 'disabled' : 'enabled') },
        { title: 'SECRETS', of: ({ secrets }) => String(secrets.length), right: true },
        { title: 'LAST USED', of: lastUsed },
        { title: 'SETTINGS', of: ({ settings }) => settingsText(settings) },
        { title: 'ADDRESS', of: ({ url }) => url },
      ],
      page.items,
    ),
  );
  if (page.next_cursor !== null) context.out(`\nMore: npx postern endpoint list --cursor ${page.next_cursor}`);
}

/**
 * `name=value`s as settings. A value is text; where the provider refuses the text (a number, a list, true) and it reads as
 * JSON, it is that: so that an account of digits stays text without anybody having to quote it.
 */
function settingsOf(providerName: string, given: readonly string[]): EndpointSettings {
  const settings: Record<string, unknown> = {};
  for (const text of given) {
    const equals = text.indexOf('=');
    if (equals < 1) throw new PosternError('invalid_request', `--setting is written name=value, not "${text}"`);
    settings[text.slice(0, equals)] = text.slice(equals + 1);
  }
  const faults = providers.get(providerName)?.checkSettings(settings) ?? [];
  for (const { path } of faults) {
    const name = path.split('/')[1] ?? '';
    const value = settings[name];
    if (typeof value === 'string') settings[name] = jsonOr(value);
  }
  return settings;
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON: the text itself, which the provider then refuses with its reason.
    return text;
  }
}

function lastUsed({ secrets }: EndpointView): string {
  const times = secrets.flatMap(({ last_used_at: at }) => (at === null ? [] : [at])).sort();
  return moment(times.at(-1) ?? null);
}

function settingsText(settings: Record<string, unknown>): string {
  const parts = Object.entries(settings).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const text = parts.join(' ');
  return text.length > SETTINGS_CHARS_MAX ? `${text.slice(0, SETTINGS_CHARS_MAX)}…` : text;
}

const SETTINGS_CHARS_MAX = 60;
