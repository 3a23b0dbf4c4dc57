import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { findEndpoint } from '../endpoints/endpoint-store.ts';
import { messageOf, PosternError } from '../errors.ts';
import { providers } from '../providers/index.ts';
import type { EndpointSettings } from '../providers/provider.ts';
import type { CommandContext } from './context.ts';
import { type Explained, type ExplainedEvent, explainEvents } from './explain-events.ts';

type Header = readonly [name: string, value: string];
type ExplainOptions = { readonly provider: string; readonly endpoint?: string; readonly header: readonly Header[] };

const FILE_BYTES_MAX = 16 * 1024 * 1024;

export function register(program: Command, context: CommandContext): void {
  program
    .command('explain')
    .description('show what an event would become: canonical events, effect keys and postings; touches nothing')
    .argument('<file>', 'the body of a webhook, as the processor sent it')
    .requiredOption('--provider <name>', `one of ${[...providers.keys()].join(', ')}`)
    .option('--endpoint <name>', "explain it by this endpoint's settings (reads the database)")
    .option('--header <name: value>', 'a header that came with it; may be given again', collectHeader, [])
    .addHelpText('after', '\nExample:\n  npx postern explain event.json --provider stripe --json')
    .action(async (file: string, options: ExplainOptions) => {
      const provider = providers.get(options.provider);
      if (provider === undefined) {
        throw new PosternError(
          'invalid_request',
          `there is no provider "${options.provider}"; there are ${[...providers.keys()].join(', ')}`,
        );
      }
      const { account, settings } = await endpointOf(options, context);
      const body = await readBody(file);
      const explained = explainEvents({
        provider,
        settings,
        account,
        headers: options.header,
        body,
        now: context.clock.now(),
      });
      context.out(context.json ? JSON.stringify(explained, null, 2) : readable(explained));
    });
}

async function endpointOf(
  { provider, endpoint: name }: ExplainOptions,
  context: CommandContext,
): Promise<{ account: string; settings: EndpointSettings }> {
  if (name === undefined) return { account: 'default', settings: {} };
  const found = await context.withDatabase(({ sql }) => findEndpoint(sql, provider, name), { migrating: false });
  if (found === undefined) throw new PosternError('not_found', `there is no endpoint ${provider}/${name}`);
  return { account: found.account, settings: found.settings };
}

async function readBody(file: string): Promise<Buffer> {
  let body: Buffer;
  try {
    body = await readFile(file);
  } catch (cause) {
    throw new PosternError('invalid_request', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (body.length > FILE_BYTES_MAX)
    throw new PosternError('too_large', `${file} is over ${FILE_BYTES_MAX} bytes: no webhook is`);
  return body;
}

function readable({ events }: Explained): string {
  if (events.length === 0) return 'authentic or not, this is no event: it would be answered and nothing kept';
  return events.map(readableEvent).join('\n\n');
}

function readableEvent({ event_id: id, type, status, reason, canonical }: ExplainedEvent): string {
  const head = `${id}  ${type}\n  would end ${status}${reason === null ? '' : `: ${reason}`}`;
  const effects = canonical.map((effect) => {
    const note = effect.depends_on === undefined ? '' : `\n    (${effect.depends_on})`;
    const postings = effect.postings.map(
      ({ direction, amount, currency, account, reference, component }) =>
        `\n    ${direction.padEnd(6)} ${amount.padStart(14)} ${currency}  ${account}${reference === null ? '' : ` [${[reference, component].filter((part) => part !== null).join(', ')}]`}`,
    );
    return `\n  ${effect.type}  ${effect.effect_key}  ${effect.effective_at}${note}${postings.join('')}`;
  });
  return head + effects.join('');
}

function collectHeader(text: string, before: readonly Header[]): Header[] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError('a header is written "name: value"');
  return [...before, [text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()]];
}
