import type { Provider } from '../src/providers/provider.ts';
import type { SettlementFormat } from '../src/providers/settlement-format.ts';

type Column = readonly [title: string, cell: (provider: Provider) => string];

const TRUST: readonly Column[] = [
  ['processor', ({ title, name }) => `**${title}** \`${name}\``],
  ['signature', ({ facts }) => facts.matrix.signature],
  ['freshness', ({ facts }) => facts.matrix.freshness],
  ['secret', ({ facts }) => facts.matrix.secret],
  ['event id', ({ facts }) => facts.matrix.eventId],
  ['what is proved', ({ facts }) => facts.matrix.trust],
  ['answer', ({ facts }) => facts.matrix.answer],
];

const MONEY: readonly Column[] = [
  ['processor', ({ title }) => `**${title}**`],
  ['account', ({ facts }) => facts.matrix.account],
  ['captured by', ({ facts }) => facts.matrix.captured],
  ['amounts', ({ facts }) => facts.matrix.currencies],
  ['tries to deliver for', ({ facts }) => span(facts.retryHorizonHours)],
  [
    'event rows kept at least',
    ({ facts }) => (facts.dedupHorizonDays === null ? 'without end' : `${facts.dedupHorizonDays} days`),
  ],
  ['backfill lists', ({ api }) => api?.list?.what ?? '–'],
  ['settlement reports', ({ facts }) => facts.matrix.settlement ?? '–'],
  ['reports it fetches', ({ api }) => api?.reports?.what ?? '–'],
  [
    'fetches',
    ({ api }) =>
      api === undefined ? '–' : [...api.hosts, ...(api.reports?.hosts ?? [])].map((host) => `\`${host}\``).join(', '),
  ],
];

/** The matrix of docs/providers.md, made from the adapters' own facts. */
export function providerMatrix(providers: Iterable<Provider>): string {
  const sorted = [...providers].sort((a, b) => a.title.localeCompare(b.title, 'en'));
  const unconfirmed = sorted.flatMap(({ title, facts }) =>
    facts.matrix.unconfirmed === undefined ? [] : [`- **${title}**: ${facts.matrix.unconfirmed}`],
  );
  const documents = sorted.map(
    ({ title, facts }) => `- **${title}**: ${facts.documentation.map((url) => `<${url}>`).join(' ')}`,
  );
  return [
    '## How a request is trusted',
    table(TRUST, sorted),
    '## What it posts',
    table(MONEY, sorted),
    '## Settlement reports it reads',
    reports(sorted),
    ...(unconfirmed.length === 0 ? [] : ['## To be checked on a real account first', unconfirmed.join('\n')]),
    "## The processors' own documents",
    documents.join('\n'),
  ].join('\n\n');
}

function table(columns: readonly Column[], providers: readonly Provider[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    row(columns.map(([title]) => title)),
    row(columns.map(() => '---')),
    ...providers.map((provider) => row(columns.map(([, cell]) => cell(provider)))),
  ].join('\n');
}

/** One row a format: whether its lines post, and in what a file proves that it is whole. */
function reports(providers: readonly Provider[]): string {
  const rows = providers.flatMap(({ title, settlements = [] }) =>
    settlements.map(
      (format) => `| **${title}** | \`${format.name}\` | ${format.title} | ${role(format)} | ${format.proof} |`,
    ),
  );
  const head = '| processor | format | report | moves money | what proves it |\n| --- | --- | --- | --- | --- |';
  return [head, ...rows].join('\n');
}

const MODES = ['payout', 'batch', 'balance'] as const;

function role(format: SettlementFormat): string {
  const modes = MODES.filter((mode) => format.role({ settlement_mode: mode }) === 'money');
  const usually = format.role({}) === 'money';
  if (modes.length === 0) return usually ? 'yes' : 'no: a control';
  if (modes.length === MODES.length) return 'yes';
  const others = MODES.filter((mode) => !modes.includes(mode));
  return usually ? `yes, but in mode ${others.join(', ')}` : `in mode ${modes.join(', ')}`;
}

function span(hours: number): string {
  if (hours < 1) return `${Math.round(hours * 60)} minutes`;
  return hours < 96 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
