import type { Provider } from '../src/providers/provider.ts';

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
    '## The settlement reports it reads',
    reports(sorted),
    ...(unconfirmed.length === 0 ? [] : ['## To be checked on a real account first', unconfirmed.join('\n')]),
    "## The processors' own documents",
    documents.join('\n'),
  ].join('\n\n');
}

/** By the name that the API and the commands take; what moves money may be the account's to say. */
function reports(sorted: readonly Provider[]): string {
  const rows = sorted.flatMap(({ title, settlements = [] }) =>
    settlements.map(({ name, title: report, role, mode, proof }) => {
      const part = role({}) === 'money' ? 'moves money' : 'control';
      return `| **${title}** | \`${name}\` ${report} | ${part} | ${mode} | ${proof} |`;
    }),
  );
  return ['| processor | report | | paid by | what proves it |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

function table(columns: readonly Column[], providers: readonly Provider[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    row(columns.map(([title]) => title)),
    row(columns.map(() => '---')),
    ...providers.map((provider) => row(columns.map(([, cell]) => cell(provider)))),
  ].join('\n');
}

function span(hours: number): string {
  if (hours < 1) return `${Math.round(hours * 60)} minutes`;
  return hours < 96 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
