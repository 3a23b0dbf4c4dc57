import type { Figures } from './sections.ts';

type Row = {
  readonly key: string;
  readonly what: string;
  readonly digits: number;
  readonly aim?: readonly ['≥' | '<', number];
};

const ROWS: readonly Row[] = [
  { key: 'bare_rps', what: 'bare server, 64 connections, requests/s', digits: 0 },
  { key: 'naive_rps', what: 'a transaction a webhook, 64 connections, requests/s', digits: 0 },
  { key: 'ack_rps_1', what: 'durable acknowledgements/s, 1 connection', digits: 0 },
  { key: 'ack_rps_16', what: '… 16 connections', digits: 0 },
  { key: 'ack_rps_64', what: '… 64 connections', digits: 0 },
  { key: 'ack_rps_256', what: '… 256 connections', digits: 0 },
  { key: 'ack_p99_ms_1', what: 'acknowledgement p99, 1 connection, ms', digits: 1 },
  { key: 'ack_p99_ms_16', what: '… 16 connections, ms', digits: 1 },
  { key: 'ack_p99_ms_64', what: '… 64 connections, ms', digits: 1 },
  { key: 'ack_p99_ms_256', what: '… 256 connections, ms', digits: 1 },
  { key: 'ack_ratio_64', what: 'acknowledging ÷ bare, 64 connections', digits: 2, aim: ['≥', 0.65] },
  { key: 'ack_over_naive_64', what: 'acknowledging ÷ naive, 64 connections', digits: 2, aim: ['≥', 5] },
  { key: 'ack_over_naive_1', what: 'acknowledging ÷ naive, 1 connection', digits: 2, aim: ['≥', 1] },
  { key: 'duplicate_ratio', what: 'a storm of duplicates ÷ bare', digits: 2, aim: ['≥', 0.9] },
  { key: 'posted_eps', what: 'acknowledged and posted, events/s', digits: 0 },
  { key: 'posted_ratio', what: 'acknowledged and posted ÷ bare', digits: 2, aim: ['≥', 0.35] },
  { key: 'ack_p99_ms_1000', what: 'acknowledgement p99 at a steady 1,000/s, ms', digits: 1, aim: ['<', 50] },
  { key: 'posted_p99_ms_1000', what: 'posted p99 at a steady 1,000/s, ms', digits: 0, aim: ['<', 1_000] },
  { key: 'books_postings', what: 'postings in the books that the following are measured on', digits: 0 },
  {
    key: 'postings_per_s',
    what: 'postings alone, every check and the sealer on, postings/s',
    digits: 0,
    aim: ['≥', 25_000],
  },
  { key: 'seal_lag_s', what: 'what is not sealed at the end of that is so old, s', digits: 2, aim: ['<', 5] },
  { key: 'seal_us', what: 'sealing by itself, µs a transaction', digits: 1 },
  { key: 'balance_account', what: 'postings of the account whose balance is asked for', digits: 0 },
  { key: 'balance_ms', what: 'its balance now, ms', digits: 2, aim: ['<', 10] },
  { key: 'balance_day_ms', what: '… as of the end of a day, ms', digits: 2 },
  { key: 'balance_at_ms', what: '… as of the middle of a day, ms', digits: 2 },
  { key: 'verify_per_s', what: 'verifying the books, postings/s', digits: 0, aim: ['≥', 500_000] },
  { key: 'verify_rss_mb', what: 'memory that verifying adds to its process, MB', digits: 0 },
  { key: 'hot_ratio', what: 'transfers on one account, 32 writers ÷ 4', digits: 2, aim: ['≥', 0.8] },
  {
    key: 'hot_batches_ratio',
    what: 'batches of ten events on one account, 32 writers ÷ 4',
    digits: 2,
    aim: ['≥', 0.8],
  },
  { key: 'searched_events', what: 'events among which the following are searched', digits: 0 },
  { key: 'search_worst_ms', what: 'the slowest search of events, ms', digits: 1, aim: ['<', 50] },
  { key: 'groups_ms', what: 'dead letters by cause, ms', digits: 1 },
  { key: 'replay_events', what: 'dead events run again, killed halfway', digits: 0 },
  { key: 'replay_rate', what: '… events/s beside a live 500/s', digits: 0 },
  { key: 'replay_live_p99_ms_without', what: 'live acknowledgement p99 at 500/s without it, ms', digits: 1 },
  { key: 'replay_live_p99_ms_with', what: '… beside it, ms', digits: 1 },
  { key: 'replay_live_p99_ratio', what: '… ratio', digits: 2, aim: ['<', 1.5] },
  { key: 'replay_live_posted_p99_ms_without', what: 'live posted p99 at 500/s without it, ms', digits: 0 },
  { key: 'replay_live_posted_p99_ms_with', what: '… beside it, ms', digits: 0 },
  { key: 'replay_live_posted_p99_ratio', what: '… ratio', digits: 2 },
  { key: 'replay_twice', what: 'events posted twice after that', digits: 0, aim: ['<', 1] },
  { key: 'replay_lost', what: '… not posted', digits: 0, aim: ['<', 1] },
  { key: 'stats_events', what: 'posted events beside which the following is read', digits: 0 },
  { key: 'stats_ms', what: 'queue/stats on a bad day, asked of the database, ms', digits: 1, aim: ['<', 50] },
  { key: 'stats_risks_ms', what: '… every ten seconds, with the money at risk, ms', digits: 1 },
  { key: 'stats_backlog_ms', what: '… with half a million more queued, ms', digits: 1 },
  {
    key: 'parse_rows_per_s_stripe',
    what: "rows of Stripe's report read to lines, rows/s",
    digits: 0,
    aim: ['≥', 500_000],
  },
  { key: 'parse_rows_per_s_adyen', what: "… of Adyen's", digits: 0, aim: ['≥', 500_000] },
  { key: 'parse_cells_per_s_stripe', what: "rows of Stripe's report read to cells alone, rows/s", digits: 0 },
  { key: 'parse_cells_per_s_adyen', what: "… of Adyen's", digits: 0 },
  { key: 'csv_parse_rows_per_s_stripe', what: "rows of Stripe's report read to cells by csv-parse, rows/s", digits: 0 },
  { key: 'csv_parse_rows_per_s_adyen', what: "… of Adyen's", digits: 0 },
  { key: 'rss_mb', what: 'memory of the gateway at its highest, MB', digits: 0, aim: ['<', 300] },
  { key: 'generator_us', what: "the generator's own CPU a request, µs", digits: 1 },
  {
    key: 'import_rows_per_s_stripe',
    what: 'rows of a Stripe report read and loaded/s',
    digits: 0,
    aim: ['≥', 300_000],
  },
  { key: 'import_over_copy_stripe', what: '… its time ÷ a raw COPY of the file', digits: 2 },
  { key: 'import_rows_per_s_adyen', what: 'rows of an Adyen report read and loaded/s', digits: 0, aim: ['≥', 300_000] },
  { key: 'import_over_copy_adyen', what: '… its time ÷ a raw COPY of the file', digits: 2 },
  { key: 'import_rss_mb', what: 'memory of the importing process, MB', digits: 0, aim: ['<', 300] },
  { key: 'reconcile_1m_s', what: 'a report imported, posted and proven, s a million lines', digits: 1, aim: ['<', 60] },
];

/** What was measured beside what was aimed at. */
export function comparison(figures: Figures, about: { machine: string; versions: string }): string {
  const width = Math.max(...ROWS.map(({ what }) => what.length));
  const lines = ROWS.flatMap(({ key, what, digits, aim }) => {
    const value = figures[key];
    if (value === undefined) return [];
    const met = aim === undefined ? '' : (aim[0] === '≥' ? value >= aim[1] : value < aim[1]) ? 'met' : 'MISSED';
    const wanted = aim === undefined ? '' : `${aim[0]} ${aim[1].toLocaleString('en')}`;
    return [
      `${what.padEnd(width)}  ${grouped(value, digits).padStart(10)}  ${wanted.padStart(9)}  ${met.padEnd(6)}  ${key}`,
    ];
  });
  return `\n${about.machine}; ${about.versions}\n${''.padEnd(width)}  ${'measured'.padStart(10)}  ${'aim'.padStart(9)}\n${lines.join('\n')}\n`;
}

function grouped(value: number, digits: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
