import type { BankLine } from '../../src/bank-line.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { createLedger } from '../../src/ledger/post.ts';
import { fromEvent, fromLine, fromPerson, type Source } from '../../src/ledger/source.ts';
import type { Told } from '../../src/ledger/told.ts';
import { createMetrics } from '../../src/metrics.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { providers } from '../../src/providers/index.ts';
import type { EndpointSettings } from '../../src/providers/provider.ts';
import { compareItems, type ItemDifference, rebuildItems } from '../../src/reconcile/engine/compare.ts';
import { createReconciler, type Reconciler, turnParts } from '../../src/reconcile/engine/reconciler.ts';
import { reconcileLag } from '../../src/reconcile/engine/rules-store.ts';
import type { SettlementLine } from '../../src/settlement-line.ts';
import { uuidv7 } from '../../src/uuid.ts';
import type { TestDatabase } from '../support/database.ts';

export const DAY = 86_400_000;

/** What names a told thing beside its own reference. */
export type Names = {
  readonly payment?: string;
  readonly merchant?: string;
  readonly bank?: string;
  readonly source?: string;
};

export type WorldBooks = {
  readonly provider: string;
  readonly account: string;
  readonly endpoint: number;
  /** What an event tells, with what else it names. */
  announce(told: Told, names?: Names & { readonly status?: string }): Promise<void>;
  /** A line of a report, kept as the import keeps it and posted. */
  settle(line: SettlementLine, names?: Names): Promise<void>;
  /** An entry of a statement. `posted` false: of which nobody knew whose it is. */
  bank(line: BankLine, text?: string, posted?: boolean): Promise<void>;
  tell(told: Told): Promise<void>;
  /** Items that are no matched ones: `role reference component currency` → bucket or class, and amount. */
  state(): Promise<Record<string, string>>;
  discrepancies(): Promise<Record<string, string>>;
};

export type EngineWorld = {
  readonly reconciler: Reconciler;
  now: number;
  open(settings?: EndpointSettings, provider?: string): Promise<WorldBooks>;
  /** As if somebody had changed the endpoint's settings. */
  change(books: WorldBooks, settings: EndpointSettings): Promise<void>;
  catchUp(): Promise<void>;
  /** Makes the residue anew from the postings; the next turns judge it. */
  rebuild(): Promise<boolean>;
  compare(): Promise<readonly ItemDifference[]>;
};

const LOOKS_MAX = 1_000;
let made = 0;

/** A database with an engine over it, and books that are filled by hand. */
export function createEngineWorld(database: TestDatabase, start: number): EngineWorld {
  const endpoints: Endpoint[] = [];
  const clock = { now: () => world.now };
  const ledger = createLedger({ clock });
  const reconciler = createReconciler({
    pool: database.appPool,
    ledger,
    endpoints: { all: () => endpoints },
    clock,
    log: database.log,
    metrics: createMetrics({ process: false }),
  });
  const given = turnParts({ ledger, clock, endpoints: { all: () => endpoints } });
  const world: EngineWorld = {
    reconciler,
    now: start,
    open,
    rebuild: () => rebuildItems(database.appPool, given),
    compare: () => compareItems(database.appPool, given),
    async change({ endpoint }, settings) {
      const n = endpoints.findIndex(({ id }) => id === endpoint);
      const before = endpoints[n];
      if (before !== undefined) endpoints[n] = { ...before, settings };
      await database.sql.query('update postern.endpoints set settings = $2 where id = $1', [
        endpoint,
        JSON.stringify(settings),
      ]);
    },
    async catchUp() {
      for (let n = 0; n < LOOKS_MAX; n += 1) {
        if (!(await reconciler.catchUp())) throw new Error('another engine is at it');
        // What is posted is looked at once no older transaction runs anywhere on the server: other tests have some.
        if ((await reconcileLag(database.app)) === 0) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error('a transaction that does not end keeps the engine from looking');
    },
  };

  async function open(settings: EndpointSettings = {}, providerName = 'stripe'): Promise<WorldBooks> {
    made += 1;
    const account = `acct_${process.pid}_${made}`;
    const provider = providers.get(providerName);
    if (provider === undefined) throw new Error(`no provider ${providerName}`);
    const { rows } = await database.sql.query<{ id: number }>(
      'insert into postern.endpoints (provider, name, account, settings) values ($1, $2, $3, $4) returning id',
      [providerName, account.replaceAll('_', '-'), account, JSON.stringify(settings)],
    );
    const id = rows[0]?.id ?? 0;
    endpoints.push({ id, provider, name: account, account, settings, disabled: false, secrets: [] });

    const post = (told: Told, source: Source) =>
      withTransaction(database.appPool, async (tx) => {
        const zone = settings.time_zone ?? null;
        const [result] = await ledger.post(tx, [
          { source, provider: providerName, account, marketplace: null, zone, events: [told] },
        ]);
        if (result?.kind === 'conflict' || result?.kind === 'waits') throw new Error(JSON.stringify(result));
      });

    async function addEvent(names: readonly (readonly [string, string])[], status: string): Promise<string> {
      const event = uuidv7(world.now);
      await database.sql.query(
        `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status)
         values ($1::uuid, $1::uuid, now(), $2, 0, $1::uuid::text, sha256('x'), 't', $3, $4)`,
        [event, id, account, status],
      );
      for (const [kind, value] of names)
        await database.sql.query('insert into postern.event_references values ($1, $2, $3) on conflict do nothing', [
          event,
          kind,
          value,
        ]);
      return event;
    }

    return {
      provider: providerName,
      account,
      endpoint: id,
      async announce(told, { status = 'posted', payment, merchant } = {}) {
        const event = await addEvent(
          [
            ...referencesOf(told).map((value) => ['object', value] as const),
            ...(payment === undefined ? [] : [['payment', payment] as const]),
            ...(merchant === undefined ? [] : [['order', merchant] as const]),
          ],
          status,
        );
        if (status === 'posted') await post(told, fromEvent(event));
      },
      async settle(line, names = {}) {
        const row = uuidv7(world.now);
        const settlement = uuidv7(world.now);
        const { kind, identity, batch, currency, gross, fee, tax, net, at, zone } = line;
        const payer = 'payer' in line ? line.payer : undefined;
        await database.sql.query(
          `insert into postern.settlement_lines (id, settlement_id, row_no, provider, account, moves_money, identity, kind, batch, reference,
             component, currency, gross, fee, tax, net, other_amount, other_currency, booked_at, zone, key_source, key_payment, key_merchant,
             key_bank, raw)
           values ($1, $2, 1, $3, $4, true, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, '')`,
          [
            row,
            settlement,
            providerName,
            account,
            identity,
            kind,
            batch,
            'reference' in line ? line.reference : 'payout' in line ? line.payout : null,
            'reference' in line ? (line.component ?? 'gross') : null,
            currency,
            gross,
            fee,
            tax,
            net,
            payer?.amount ?? null,
            payer?.currency ?? null,
            new Date(at),
            zone,
            names.source ?? null,
            names.payment ?? null,
            names.merchant ?? null,
            names.bank ?? null,
          ],
        );
        await post(line, fromLine(row));
      },
      async bank(line, text = '', posted = true) {
        const row = uuidv7(world.now);
        const statement = uuidv7(world.now);
        await database.sql.query(
          `insert into postern.bank_statements (id, format, status, actor) values ($1, 'csv', 'imported', 'test')`,
          [statement],
        );
        await database.sql.query(
          `insert into postern.bank_lines (id, bank_statement_id, row_no, bank_account, statement, identity, amount, currency, booked_at,
             zone, text, is_reversal, raw, provider, account, reference)
           values ($1, $2, 1, $3, '1', $4, $5, $6, $7, $8, $9, false, '', $10, $11, $12)`,
          [
            row,
            statement,
            line.bankAccount,
            `${account}/${line.identity}`,
            line.amount,
            line.currency,
            new Date(line.at),
            line.zone,
            text,
            posted ? providerName : null,
            posted ? account : null,
            posted ? line.reference : null,
          ],
        );
        if (posted) await post(line, fromLine(row));
      },
      tell: (told) => post(told, fromPerson({ actor: 'token:1', reason: 'test' })),
      async state() {
        const found = await database.sql.query<{ item: string; is: string }>(
          `select replace(split_part(a.path, ':', 2), 'processor_', '') || ' ' || r.reference || ' ' || r.component || ' ' || r.currency as item,
             coalesce(r.class, r.bucket) || ' ' || r.amount as is
           from postern.residue r join postern.accounts a on a.id = r.account_id where starts_with(a.path || ':', a.path || ':')
             and a.path like '%:' || $1 and r.bucket <> 'matched'`,
          [`${providerName}:${account}`],
        );
        return Object.fromEntries(found.rows.map((one) => [one.item.replaceAll('  ', ' '), one.is]));
      },
      async discrepancies() {
        const found = await database.sql.query<{ item: string; is: string }>(
          `select class || ' ' || reference || case when component = '' then '' else ' ' || component end as item,
             status || ' ' || delta || ' ' || currency || coalesce(' ' || cause, '') as is
           from postern.discrepancies where provider = $1 and account = $2`,
          [providerName, account],
        );
        return Object.fromEntries(found.rows.map((one) => [one.item, one.is]));
      },
    };
  }

  return world;
}

function referencesOf(told: Told): string[] {
  return ['payment', 'refund', 'dispute', 'transfer', 'payout', 'fee', 'reference'].flatMap((name) => {
    const value = (told as Record<string, unknown>)[name];
    return typeof value === 'string' ? [value] : [];
  });
}
