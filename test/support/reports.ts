import { createLog } from '../../src/log.ts';
import type { EndpointSettings, Provider } from '../../src/providers/provider.ts';
import { createImporter, type ImportOrder, type Received } from '../../src/reconcile/import/importer.ts';
import type { Promoted } from '../../src/reconcile/import/promote.ts';
import type { TestDatabase } from './database.ts';
import { STUB_AT, type StubItem, stubBytes, stubFile, stubProvider } from './stub-report.ts';

export type Imported = (Exclude<Received, { kind: 'proven' }> | Promoted) & { readonly id?: string };

/** Reports of one processor account of its own, on an endpoint that no webhook calls. */
export type Reports = {
  readonly account: string;
  readonly order: ImportOrder;
  /** Takes a file in and makes it final. */
  file(text: string, order?: Partial<ImportOrder>): Promise<Imported>;
  items(items: readonly StubItem[], order?: Partial<ImportOrder>): Promise<Imported>;
  /** What is not zero: `role [reference component] currency` → balance, from postings. */
  balances(): Promise<Record<string, string>>;
};

let made = 0;

export async function openReports(
  database: TestDatabase,
  settings: EndpointSettings = {},
  provider: Provider = stubProvider,
): Promise<Reports> {
  made += 1;
  const account = `reports_${made}`;
  const { rows } = await database.sql.query<{ id: number }>(
    `insert into postern.endpoints (provider, name, account, settings) values ($1, $2, $2, $3) returning id`,
    [provider.name, account, JSON.stringify(settings)],
  );
  // Where files name their account they are of that one; else the endpoint is told it.
  const name = provider.settlements?.some((format) => format.accountOf !== undefined) ? account : 'reports';
  const order: ImportOrder = {
    endpoint: { id: rows[0]?.id ?? 0, name, account, settings, provider },
    format: null,
    fileName: null,
    acceptDifference: null,
    actor: 'test',
    bytesMax: 100 * 1024 * 1024,
  };
  const importer = createImporter({
    pool: database.appPool,
    clock: { now: () => Math.max(Date.now(), STUB_AT) },
    log: createLog('silent'),
  });
  async function file(text: string, more: Partial<ImportOrder> = {}): Promise<Imported> {
    const received = await importer.receive({ ...order, ...more }, stubBytes(text));
    return received.kind === 'proven' ? { id: received.id, ...(await received.finish()) } : received;
  }
  return {
    account,
    order,
    file,
    items: (items, more) => file(stubFile(items), more),
    async balances() {
      const { rows: found } = await database.sql.query<{ place: string; amount: string }>(
        `select replace(a.path, ':' || $2 || ':' || $1, '') || case when p.reference is null then '' else
            ' [' || p.reference || coalesce(' ' || p.component, '') || ']' end || ' ' || p.currency as place, sum(p.amount)::text as amount
         from postern.postings p join postern.accounts a on a.id = p.account_id join postern.transactions t on t.id = p.transaction_id
         where starts_with(t.effect_key, $2 || ':' || $1 || ':')
         group by 1 having sum(p.amount) <> 0`,
        [account, provider.name],
      );
      return Object.fromEntries(found.map((row) => [row.place, row.amount]));
    },
  };
}
