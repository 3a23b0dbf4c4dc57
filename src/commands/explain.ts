import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { findEndpoint } from '../endpoints/endpoint-store.ts';
import { messageOf, PosternError } from '../errors.ts';
import { providers } from '../providers/index.ts';
import type { EndpointSettings, Provider } from '../providers/provider.ts';
import type { CommandContext } from './context.ts';
import { type Explained, type ExplainedEvent, explainEvents } from './explain-events.ts';
import { explainReportFile, knownBy, reportFormatOf } from './explain-report.ts';

type Header = readonly [name: string, value: string];
type ExplainOptions = {
  readonly provider: string;
  readonly endpoint?: string;
  readonly format?: string;
  readonly header: readonly Header[];
};

const FILE_BYTES_MAX = 16 * 1024 * 1024;

export function register(program: Command, context: CommandContext): void {
  program
    .command('explain')
    .description(
      'show what an event would become (canonical events, effect keys and postings), or what a settlement report says; touches nothing',
    )
    .argument('<file>', 'the body of a webhook, as the processor sent it, or a settlement report')
    .requiredOption('--provider <name>', `one of ${[...providers.keys()].join(', ')}`)
    .option('--endpoint <name>', "explain it by this endpoint's settings (reads the database)")
    .option('--header <name: value>', 'a header that came with it; may be given again', collectHeader, [])
    .option('--format <format>', 'the settlement report it is, where its head does not tell')
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern explain event.json --provider stripe --json\n' +
        '  npx postern explain settlement_detail_report_batch_7.csv --provider adyen',
    )
    .action(async (file: string, options: ExplainOptions) => {
      const provider = providers.get(options.provider);
      if (provider === undefined) {
        throw new PosternError(
          'invalid_request',
          `there is no provider "${options.provider}"; there are ${[...providers.keys()].join(', ')}`,
        );
      }
      const { account, settings } = await endpointOf(options, context);
      const format = await readable(file, () => reportFormatOf(file, provider, options.format ?? null, settings));
      if (format !== null) {
        const report = await explainReportFile(file, format, { account, settings });
        if (report.failed) context.fail();
        return context.out(context.json ? JSON.stringify(report.json, null, 2) : report.text);
      }
      const body = await readable(file, () => readFile(file));
      if (body.length === 0) throw new PosternError('invalid_request', `${file} is empty`);
      if (body.length > FILE_BYTES_MAX)
        throw new PosternError('too_large', `${file} is over ${FILE_BYTES_MAX} bytes: no webhook is`);
      const explained = explainEvents({
        provider,
        settings,
        account,
        headers: options.header,
        body,
        now: context.clock.now(),
      });
      if (explained.events.some(({ type }) => type === 'unreadable')) await refuseOtherReports(file, provider);
      context.out(context.json ? JSON.stringify(explained, null, 2) : readableEvents(explained));
    });
}

/** A report of another processor's would be told as a webhook that nobody can read. */
async function refuseOtherReports(file: string, { title }: Provider): Promise<void> {
  const others = await knownBy(file, providers.values());
  if (others.length > 0)
    throw new PosternError(
      'invalid_request',
      `${file} is nothing of ${title}, but begins as a settlement report of ${others.join(' or ')}: give --provider ${others[0]}`,
    );
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

async function readable<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof PosternError) throw cause;
    throw new PosternError('invalid_request', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function readableEvents({ events }: Explained): string {
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
