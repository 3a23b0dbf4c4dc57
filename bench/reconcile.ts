import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { startChild } from './child.ts';
import type { ImportAnswer, ImportOrder } from './reconcile-child.ts';
import type { Effort, Figures } from './sections.ts';
import type { Stand } from './stand.ts';

/** A busy machine takes a third of it. */
const PATIENCE_S_A_LINE = 0.001;
const PATIENCE_S = 60;
const ROWS_A_CHUNK = 2_000;
const PER_PAYOUT = 20_000;

/**
 * A report of Stripe's and one of Adyen's: read and loaded beside a raw COPY of the same file into one text column, then taken
 * in to the end. `--lines 5000000` for the larger of the aims.
 */
export async function reconcile(stand: Stand, effort: Effort, tell: (line: string) => void): Promise<Figures> {
  const lines = effort.reconcile.lines;
  const patience = PATIENCE_S + lines * PATIENCE_S_A_LINE;
  const figures: Figures = {};
  for (const provider of ['stripe', 'adyen'] as const) {
    const file = join(stand.folder, `${provider}.csv`);
    await pipeline(
      Readable.from(provider === 'stripe' ? stripeReport(lines) : adyenReport(lines)),
      createWriteStream(file),
    );
    const raw = await rawCopy(stand, file);
    const child = startChild<ImportOrder, ImportAnswer>('./reconcile-child.ts');
    try {
      const database = { url: stand.databaseUrl, role: stand.role };
      const loaded = await child.ask({ kind: 'load', provider, file, database }, patience);
      tell(
        `${provider}: ${lines.toLocaleString('en')} lines loaded in ${loaded.seconds.toFixed(1)} s (${rate(lines, loaded.seconds)}), raw COPY ${raw.toFixed(1)} s, ${loaded.rssMb.toFixed(0)} MB`,
      );
      figures[`import_rows_per_s_${provider}`] = lines / loaded.seconds;
      figures[`import_over_copy_${provider}`] = loaded.seconds / raw;
      figures.import_rss_mb = Math.max(figures.import_rss_mb ?? 0, loaded.rssMb);
      if (provider !== 'stripe') continue;
      const whole = await child.ask({ kind: 'import', provider, file, database }, patience);
      tell(
        `${provider}: imported, posted and proven in ${whole.seconds.toFixed(1)} s (${whole.cpuS.toFixed(1)} s of them the importer’s own), ${whole.rssMb.toFixed(0)} MB`,
      );
      figures.reconcile_1m_s = (whole.seconds * 1_000_000) / lines;
      figures.import_rss_mb = Math.max(figures.import_rss_mb ?? 0, whole.rssMb);
    } finally {
      await child.end();
      await rm(file, { force: true });
    }
  }
  figures.import_rows_per_s = Math.min(figures.import_rows_per_s_stripe ?? 0, figures.import_rows_per_s_adyen ?? 0);
  return figures;
}

const rate = (lines: number, seconds: number): string => `${Math.round(lines / seconds).toLocaleString('en')}/s`;

/** What the database takes for the same bytes at the least: each line as one text. */
async function rawCopy(stand: Stand, file: string): Promise<number> {
  const client = new pg.Client({ connectionString: stand.databaseUrl });
  await client.connect();
  try {
    await client.query('create unlogged table if not exists public.raw_copy (line text)');
    const { size } = await stat(file);
    const start = performance.now();
    await pipeline(
      createReadStream(file, { highWaterMark: 1024 * 1024 }),
      client.query(copyFrom(`copy public.raw_copy from stdin (format csv, delimiter e'\\x01', quote e'\\x02')`)),
    );
    const seconds = (performance.now() - start) / 1000;
    if (size === 0) throw new Error('the report is empty');
    await client.query('drop table public.raw_copy');
    return seconds;
  } finally {
    await client.end();
  }
}

const STRIPE_HEADER =
  'balance_transaction_id,created,available_on,currency,gross,fee,net,reporting_category,description,automatic_payout_id,source_id,charge_id,customer_facing_amount,customer_facing_currency,payment_intent_id,order_id,payment_method_type,trace_id\n';

function* stripeReport(lines: number): Generator<string> {
  yield STRIPE_HEADER;
  let rows = '';
  let net = 0;
  for (let n = 1; n <= lines; n += 1) {
    const payout = `po_1Bench${Math.floor((n - 1) / PER_PAYOUT)}`;
    const id = n.toString(36).padStart(10, '0');
    if (n % PER_PAYOUT === 0 || n === lines) {
      rows += `txn_${id},2026-02-01 12:00:00,2026-02-03 00:00:00,usd,${text(-net)},0.00,${text(-net)},payout,STRIPE PAYOUT,${payout},${payout},,,,,,,TRACE${n}\n`;
      net = 0;
    } else {
      const gross = 500 + ((n * 7919) % 90_000);
      const fee = Math.round(gross * 0.029) + 30;
      net += gross - fee;
      rows += `txn_${id},2026-02-01 12:00:00,2026-02-03 00:00:00,usd,${text(gross)},${text(fee)},${text(gross - fee)},charge,Order number ${n},${payout},ch_3${id}aBcDeF,ch_3${id}aBcDeF,${text(gross)},usd,pi_3${id}aBcDeF,order-${n},card,\n`;
    }
    if (n % ROWS_A_CHUNK === 0) {
      yield rows;
      rows = '';
    }
  }
  yield rows;
}

const ADYEN_HEADER =
  'Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,Net Debit (NC),Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),Payment Method Variant,Modification Merchant Reference,Batch Number,Reserved4,Reserved5,Reserved6,Reserved7,Reserved8,Reserved9,Reserved10\n';

function* adyenReport(lines: number): Generator<string> {
  yield ADYEN_HEADER;
  let rows = '';
  let net = 0;
  for (let n = 1; n <= lines; n += 1) {
    const batch = Math.floor((n - 1) / PER_PAYOUT) + 1;
    const psp = `8${n.toString(36).toUpperCase().padStart(15, '0')}`;
    if (n % PER_PAYOUT === 0 || n === lines) {
      rows += `Bench,BenchEcom,,,,2026-02-01 12:00:00,CET,MerchantPayout,"TX${n}XT batch ${batch}, BENCH_ACCOUNT",EUR,,,1,EUR,${text(net)},,,,,,,,${batch},,,,,,,\n`;
      net = 0;
    } else {
      const gross = 500 + ((n * 7919) % 90_000);
      const [markup, scheme, interchange] = [Math.round(gross * 0.006), 4, Math.round(gross * 0.002)];
      const fees = markup + scheme + interchange;
      net += gross - fees;
      rows += `Bench,BenchEcom,${psp},order-${n},visa,2026-02-01 12:00:00,CET,Settled,M${psp},EUR,,${text(gross)},1,EUR,,${text(gross - fees)},,${text(markup)},${text(scheme)},${text(interchange)},visacredit,<auto>,${batch},,,,,,,\n`;
    }
    if (n % ROWS_A_CHUNK === 0) {
      yield rows;
      rows = '';
    }
  }
  yield rows;
}

const text = (minor: number): string => (minor / 100).toFixed(2);
