import { createLedger, type PostRequest } from '../../src/ledger/post.ts';
import { fromEvent, fromLine } from '../../src/ledger/source.ts';
import type { Told } from '../../src/ledger/told.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { line } from '../ledger/books.ts';
import type { TestDatabase } from '../support/database.ts';
import type { WorldBooks } from './engine-world.ts';
import type { Fact } from './random-world.ts';

const STATEMENT = '00000000-0000-7000-8000-000000000001';

/** Puts facts into the books as webhooks, imports and statements would, all in one database transaction. */
export async function loadFacts(
  database: TestDatabase,
  facts: readonly { readonly fact: Fact; readonly books: readonly WorldBooks[] }[],
): Promise<void> {
  const events: unknown[] = [];
  const references: unknown[] = [];
  const lines: unknown[] = [];
  const entries: unknown[] = [];
  const requests: PostRequest[] = [];
  for (const { fact, books } of facts) {
    const mine = books[fact.account];
    if (mine === undefined) throw new Error('a world has two accounts');
    const { provider, account } = mine;
    const id = uuidv7(fact.at);
    const base = { provider, account, marketplace: null, zone: null };
    const told = toldOf(fact);
    if (fact.fact === 'line') {
      const { at, batch, currency, fee, gross, identity, kind, merchant, payment, reference } = fact;
      lines.push({
        ...{
          id,
          settlement_id: id,
          row_no: 1,
          provider,
          account,
          moves_money: true,
          identity,
          version: 1,
          kind,
          batch,
          reference,
        },
        ...{
          component: kind === 'adjustment' ? null : 'gross',
          currency,
          gross: `${gross}`,
          fee: `${fee}`,
          tax: '0',
          net: `${gross - fee}`,
        },
        ...{ booked_at: new Date(at), zone: 'UTC', key_payment: payment, key_merchant: merchant, raw: '' },
      });
    } else if (fact.fact === 'bank') {
      const { at, identity, amount, currency, text } = fact;
      entries.push({
        ...{
          id,
          bank_statement_id: STATEMENT,
          row_no: 1,
          bank_account: 'main',
          statement: '1',
          identity,
          amount: `${amount}`,
        },
        ...{ currency, booked_at: new Date(at), zone: 'UTC', refs: [], text, is_reversal: false, raw: '' },
        ...{ provider, account, reference: identity },
      });
    } else {
      events.push({ id, endpoint: mine.endpoint, account });
      const named = 'payout' in fact ? fact.payout : fact.reference;
      references.push({ event_id: id, kind: 'object', value: named });
      if ('merchant' in fact && fact.merchant !== null)
        references.push({ event_id: id, kind: 'order', value: fact.merchant });
      if ('payment' in fact && fact.payment !== null)
        references.push({ event_id: id, kind: 'payment', value: fact.payment });
    }
    const source = fact.fact === 'line' || fact.fact === 'bank' ? fromLine(id) : fromEvent(id);
    requests.push({ ...base, source, events: told });
  }
  await withTransaction(database.appPool, async (tx) => {
    const insert = (text: string, rows: unknown[]) => tx.query(text, [JSON.stringify(rows)]);
    await insert(
      `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status)
       select e.id, e.id, now(), e.endpoint, 0, e.id::text, sha256('x'), 't', e.account, 'posted'
       from jsonb_to_recordset($1) as e (id uuid, endpoint int, account text)`,
      events,
    );
    await insert(
      `insert into postern.event_references select r.event_id, r.kind, r.value
       from jsonb_to_recordset($1) as r (event_id uuid, kind text, value text) on conflict do nothing`,
      references,
    );
    await insert(
      'insert into postern.settlement_lines select r.* from jsonb_populate_recordset(null::postern.settlement_lines, $1) as r',
      lines,
    );
    await insert(
      `insert into postern.bank_statements (id, format, status, actor) select '${STATEMENT}', 'csv', 'imported', 'test'
       where jsonb_array_length($1) >= 0 on conflict do nothing`,
      [],
    );
    await insert(
      'insert into postern.bank_lines select r.* from jsonb_populate_recordset(null::postern.bank_lines, $1) as r',
      entries,
    );
    const ledger = createLedger({ clock: { now: () => Date.now() } });
    const results = await ledger.post(tx, requests);
    const wrong = results.find(({ kind }) => kind === 'conflict' || kind === 'waits');
    if (wrong !== undefined) throw new Error(JSON.stringify(wrong));
  });
}

function toldOf(fact: Fact): Told[] {
  const { at } = fact;
  switch (fact.fact) {
    case 'announced': {
      const { amount, currency, no, reference, what } = fact;
      const money = { at, amount, currency, key: `${reference}:${what}:${no}` };
      if (what === 'captured') return [{ type: 'payment.captured', payment: reference, ...money }];
      if (what === 'reversed') return [{ type: 'payment.reversed', payment: reference, ...money }];
      return [{ type: `dispute.${what}`, dispute: reference, ...money }];
    }
    case 'fee': {
      const { amount, currency, no, reference } = fact;
      return [
        { type: 'payment.fee_known', key: `${reference}:fee:${no}`, at, reference, of: 'payment', amount, currency },
      ];
    }
    case 'line': {
      const { batch, currency, fee, gross, identity, kind, reference } = fact;
      return [
        line(kind, identity, { batch, currency, fee, gross, at, ...(kind === 'adjustment' ? {} : { reference }) }),
      ];
    }
    case 'payout': {
      const { amount, currency, failed, payout } = fact;
      const money = { at, amount, currency, payout };
      return failed
        ? [{ type: 'payout.failed', key: `${payout}:failed`, ...money }]
        : [{ type: 'payout.created', key: `${payout}:created`, ...money }];
    }
    case 'bank': {
      const { amount, currency, identity } = fact;
      return [
        { type: 'bank.line', identity, bankAccount: 'main', reference: identity, amount, currency, at, zone: 'UTC' },
      ];
    }
  }
}
