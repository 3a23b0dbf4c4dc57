import { type Command, InvalidArgumentError } from 'commander';
import { isRole, ROLES, type Role } from '../access/roles.ts';
import { createTokenService } from '../access/token-service.ts';
import { pageOf, unpackCursor } from '../api/paging.ts';
import { tokenView } from '../api/views.ts';
import { PosternError } from '../errors.ts';
import type { CommandContext } from './context.ts';
import { duration, LIMIT_DEFAULT, limit, time } from './options.ts';
import { moment, table } from './table.ts';

type TokenView = ReturnType<typeof tokenView>;
type CreateOptions = { readonly name: string; readonly role: readonly Role[]; readonly expires?: string };
type ListOptions = { readonly limit: number; readonly cursor?: string };

export function register(program: Command, context: CommandContext): void {
  const token = program
    .command('token')
    .description('who may call the API')
    .addHelpText('after', '\nExample:\n  npx postern token create --name admin --role admin');
  token
    .command('create')
    .description('make a token, and show it this once')
    .requiredOption('--name <name>', 'what it is for')
    .requiredOption('--role <role>', `${ROLES.join(', ')}; may be given again`, collectRole)
    .option('--expires <time>', 'when it ends: a day, a time, or a length such as 90d')
    .addHelpText('after', '\nExample:\n  npx postern token create --name grafana --role monitor --expires 90d')
    .action((options: CreateOptions) => create(options, context));
  token
    .command('list')
    .description('list tokens; what they are is never shown again')
    .option('--limit <n>', 'at most so many', limit, LIMIT_DEFAULT)
    .option('--cursor <cursor>', 'where the page before ended')
    .addHelpText('after', '\nExample:\n  npx postern token list')
    .action((options: ListOptions) => list(options, context));
  token
    .command('revoke')
    .description('end a token; every instance knows within 5 s')
    .argument('<id>', 'as list shows it')
    // An id may begin with "-" and is then no option.
    .allowUnknownOption()
    .addHelpText('after', '\nExample:\n  npx postern token revoke 3kTq0aWb9xYz')
    .action((id: string) => revoke(id, context));
}

async function create({ name, role, expires }: CreateOptions, context: CommandContext): Promise<void> {
  const roles = ROLES.filter((one) => role.includes(one));
  const expiresAt = expires === undefined ? null : expiryOf(expires, context.clock.now());
  const { id, token } = await context.withDatabase(({ pool }) =>
    createTokenService({ pool }).create({ name, roles, expiresAt }, context.actor),
  );
  if (context.json) {
    const shown = tokenView({
      id,
      name,
      roles,
      expires_at: expiresAt,
      last_used_at: null,
      created_at: new Date(context.clock.now()),
    });
    return context.out(JSON.stringify({ ...shown, token }, null, 2));
  }
  const until = expiresAt === null ? 'without end' : `until ${moment(expiresAt.toISOString())}`;
  context.out(`Token ${id} for ${name} (${roles.join(', ')}), good ${until}. Shown this once:\n\n  ${token}\n`);
  context.out('Send it with each request as "Authorization: Bearer <token>".');
}

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const after = unpackCursor(options.cursor, [/^[\w-]{1,20}$/])?.[0] ?? '';
  const tokens = await context.withDatabase(({ pool }) =>
    createTokenService({ pool }).list({ after, limit: options.limit + 1 }),
  );
  const page = pageOf(tokens, options.limit, ({ id }) => [id], tokenView);
  if (context.json) return context.out(JSON.stringify(page, null, 2));
  if (page.items.length === 0) {
    return context.out('There is no token yet. Make one:\n\n  npx postern token create --name admin --role admin');
  }
  const now = context.clock.now();
  context.out(
    table<TokenView>(
      [
        { title: 'ID', of: ({ id }) => id },
        { title: 'NAME', of: ({ name }) => name },
        { title: 'ROLES', of: ({ roles }) => roles.join(',') },
        { title: 'STATE', of: (view) => stateOf(view, now) },
        { title: 'EXPIRES', of: (view) => moment(view.expires_at) },
        { title: 'LAST USED', of: (view) => moment(view.last_used_at) },
      ],
      page.items,
    ),
  );
  if (page.next_cursor !== null) context.out(`\nMore: npx postern token list --cursor ${page.next_cursor}`);
}

async function revoke(id: string, context: CommandContext): Promise<void> {
  await context.withDatabase(({ pool }) => createTokenService({ pool }).revoke(id, context.actor));
  context.out(context.json ? JSON.stringify({ id, revoked: true }, null, 2) : `Token ${id} is revoked.`);
}

function stateOf({ expires_at: expires }: TokenView, now: number): string {
  return expires !== null && Date.parse(expires) <= now ? 'expired' : 'in force';
}

function expiryOf(text: string, now: number): Date {
  const expires = /^\d+[mhd]$/.test(text) ? new Date(now + duration(text)) : time(text);
  if (expires.getTime() <= now) throw new PosternError('invalid_request', `--expires ${text} is over already`);
  return expires;
}

function collectRole(text: string, before: readonly Role[] = []): Role[] {
  const names = text.split(',').map((role) => role.trim());
  const roles = names.filter(isRole);
  if (roles.length < names.length) throw new InvalidArgumentError(`one or more of ${ROLES.join(', ')}`);
  return [...before, ...roles];
}
