import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import type { Finding } from '../../src/ingest/rederive/finding.ts';
import { PRESENT_RULES, type Rules } from '../../src/ingest/rederive/told-event.ts';
import { chart } from '../../src/ledger/chart.ts';
import { contentOf, leg } from '../../src/ledger/entry.ts';
import type { Draft } from '../../src/ledger/rules.ts';
import { adyen } from '../../src/providers/adyen/index.ts';
import type { EndpointSettings, Provider } from '../../src/providers/provider.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { uuidTime, uuidv7 } from '../../src/uuid.ts';
import { adyenBody, adyenItem } from '../providers/adyen/samples.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { nothingQueued } from '../support/old-days.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { chargeSucceeded, refundCreated, stripeEvent } from '../support/stripe-bodies.ts';
import { stubProvider } from '../support/stub-endpoint.ts';
import { asSuperuser, named, run } from './rederived.ts';

let database: TestDatabase;
let pipeline: Pipeline;
const endpoints: Endpoint[] = [];

/** Its events name a payment; what it is worth only the API tells. */
const fetching: Provider = {
  ...stubProvider,
  name: 'fetching',
  api: {
    hosts: ['api.stub.example'],
    keySetting: 'api_key',
    fetchObject: async () => ({ kind: 'found', body: Buffer.from('{"amount":"4200"}') }),
  },
  normalise(event) {
    const about = { references: [{ kind: 'payment', id: event.id }], amount: null };
    if (event.fetched === null)
      return { ...about, kind: 'fetch', object: { kind: 'payment', id: event.id }, reason: 'the event names it only' };
    const amount = BigInt((JSON.parse(event.fetched.toString()) as { amount: string }).amount);
    const told = { key: `${event.id}:captured`, at: event.receivedAt, payment: event.id, amount, currency: 'EUR' };
    return { ...about, kind: 'effects', effects: [{ type: 'payment.captured', ...told }] };
  },
};

async function newEndpoint(provider: Provider, name: string, settings: EndpointSettings = {}, account = name) {
  const { rows } = await database.sql.query<{ id: number }>(
    'insert into postern.endpoints (provider, name, account) values ($1, $2, $3) returning id',
    [provider.name, name, account],
  );
  const endpoint: Endpoint = {
    id: rows[0]?.id ?? 0,
    provider,
    name,
    account,
    settings,
    disabled: false,
    secrets: [],
  };
  endpoints.push(endpoint);
  return endpoint;
}

/** One after the other: each is worked before the next comes. */
async function deliver(endpoint: Endpoint, ...bodies: (string | Buffer)[]): Promise<void> {
  for (const body of bodies) {
    await pipeline.deliver(endpoint, body.toString());
    await nothingQueued(database.sql);
  }
}

const adyenEvent = (change: object): Buffer => adyenBody(adyenItem({ merchantAccountCode: 'ad', ...change }));

beforeAll(async () => {
  database = await createTestDatabase();
  pipeline = await createPipeline(database, () => endpoints, {
    api: async () => ({ status: 200, headers: {}, body: Buffer.from('') }),
  });
  pipeline.worker.start();
  pipeline.fetcher.start();
  const main = await newEndpoint(stripe, 'main');
  await deliver(main, chargeSucceeded(1), refundCreated(1, 'ch_1', 400), chargeSucceeded(2));
  // A conflict of ids, a conflict of money, one that waits for us to learn it, one that cannot be read, and one dismissed.
  await deliver(main, chargeSucceeded(1, { amount: 9000, amount_captured: 9000 }));
  await deliver(main, refundCreated(1, 'ch_1', 900).replace('evt_re_1', 'evt_re_other'));
  await deliver(main, stripeEvent('evt_new', 'charge.something_new', { id: 'x' }));
  await deliver(main, chargeSucceeded('poison').replaceAll(':1000,', `:1${'0'.repeat(30)},`));
  await deliver(main, chargeSucceeded('dismissed').replaceAll(':1000,', `:1${'0'.repeat(30)},`));
  await database.sql.query(
    `update postern.events set status = 'no_effect', reason = 'dismissed: a test of theirs' where event_id = 'evt_dismissed'`,
  );
  // The same charge, told to another endpoint of the account.
  const twin = await newEndpoint(stripe, 'twin', {}, 'main');
  await deliver(twin, chargeSucceeded('twin', { id: 'ch_1' }));
  const shop = await newEndpoint(stripe, 'shop', { marketplace: 'on_capture' });
  const sold = chargeSucceeded(9, { transfer_data: { destination: 'acct_9', amount: 667 } });
  // The first refund waits for what it gives back.
  await deliver(
    shop,
    refundCreated(91, 'ch_9', 333),
    sold,
    refundCreated(92, 'ch_9', 333),
    refundCreated(93, 'ch_9', 334),
  );
  await eventually(async () => {
    const { rows } = await database.sql.query(
      `select from postern.events where event_id = 'evt_re_91' and status <> 'posted'`,
    );
    expect(rows).toEqual([]);
  });
  const ad = await newEndpoint(adyen, 'ad');
  await deliver(
    ad,
    adyenEvent({ pspReference: 'PSP1' }),
    adyenEvent({
      pspReference: 'PSP1C',
      originalReference: 'PSP1',
      eventCode: 'CAPTURE',
      amount: { currency: 'EUR', value: 5000 },
    }),
    adyenEvent({ pspReference: 'PSP2' }),
  );
  const asking = await newEndpoint(fetching, 'asking', { api_key: 'k' });
  await pipeline.deliver(asking, '{"events":[{"id":"pay_1","content":"x"}]}', 'hint');
  await eventually(async () => {
    const { rows } = await database.sql.query(
      `select from postern.events where status in ('queued', 'deferred') and event_id = 'pay_1'`,
    );
    expect(rows).toEqual([]);
  });
});
afterAll(async () => {
  await pipeline.stop();
  await database.drop();
});

/** The present rules, each of whose drafts becomes these. */
const changed = (version: number, change: (draft: Draft) => readonly Draft[]): Rules => ({
  version,
  draftsOf: (event, context) => PRESENT_RULES.draftsOf(event, context).flatMap(change),
});

const { version } = PRESENT_RULES;
const only =
  (key: string, change: (draft: Draft) => readonly Draft[]) =>
  (draft: Draft): readonly Draft[] =>
    draft.key === key ? change(draft) : [draft];
const withLegs = (draft: Draft, legs: Draft['legs']): Draft[] => [{ ...draft, legs, content: contentOf(legs) }];
const elsewhere = (draft: Draft): Draft[] =>
  withLegs(
    draft,
    draft.legs.map((one) => (one.account.path === 'income:revenue' ? { ...one, account: chart.platformFees } : one)),
  );
const shown = ({ posted, derived }: Finding) => ({
  posted: posted?.map((one) => `${one.amount} ${one.account.path}`).sort(),
  derived: derived?.map((one) => `${one.amount} ${one.account.path}`).sort(),
});

describe('nothing is told', () => {
  it('of twins, conflicts, dead, dismissed and parked events, of refunds that waited and of what was fetched', async () => {
    const { findings, counts } = await run(database, endpoints);
    expect(findings).toEqual([]);
    const { rows } = await database.sql.query<{ n: bigint }>('select count(*) as n from postern.transactions');
    expect(BigInt(counts.effects)).toBe(rows[0]?.n);
    expect(counts).toMatchObject({
      waiting: 1,
      dead: 3,
      dismissed: 1,
      bytes_gone: 0,
      not_comparable: 0,
      other_order: 0,
    });
  });

  it('of events outside the range, and no more than were asked for', async () => {
    const none = await run(database, endpoints, { to: Date.UTC(2020, 0, 1) });
    expect(none.counts.events).toBe(0);
    const two = await run(database, endpoints, { limit: 2, rules: changed(version, () => []) });
    expect(two.counts.events).toBe(2);
    const ad = endpoints.filter(({ name }) => name === 'ad').map(({ id }) => id);
    expect((await run(database, endpoints, { endpoints: ad })).counts).toMatchObject({ events: 3, dead: 0 });
  });
});

describe('changed rules', () => {
  it('that a newer version has, and that move the same money, are no conflict', async () => {
    const { findings, counts } = await run(database, endpoints, {
      rules: changed(version + 1, only('ch_1:captured:1000', elsewhere)),
    });
    expect(findings).toEqual([]);
    expect(counts).toMatchObject({ newer_rule: 1, different: 0 });
  });

  it('of the same version are a difference, with both sides', async () => {
    const { findings } = await run(database, endpoints, {
      rules: changed(version, only('ch_1:captured:1000', elsewhere)),
    });
    expect(named(findings)).toEqual([['different', 'stripe:main:ch_1:captured:1000']]);
    expect(findings.map(shown)).toEqual([
      {
        posted: ['-1000 income:revenue', '1000 asset:processor_pending:stripe:main'],
        derived: ['-1000 income:platform_fees', '1000 asset:processor_pending:stripe:main'],
      },
    ]);
  });

  it('that move other money are a difference whatever their version', async () => {
    const double = (draft: Draft) =>
      withLegs(
        draft,
        draft.legs.map((one) => ({ ...one, amount: 2n * one.amount })),
      );
    const { findings, counts } = await run(database, endpoints, {
      rules: changed(version + 1, only('re_1:created', double)),
    });
    expect(named(findings)).toEqual([['different', 'stripe:main:re_1:created']]);
    expect(counts).toMatchObject({ different: 1, newer_rule: 0 });
  });

  it('that post less leave what is posted without a rule', async () => {
    const { findings } = await run(database, endpoints, {
      rules: changed(
        version,
        only('re_1:succeeded', () => []),
      ),
    });
    expect(named(findings)).toEqual([['extra', 'stripe:main:re_1:succeeded']]);
    expect(findings[0]?.transactions).toHaveLength(1);
  });

  it('that post more, or under another key, miss it', async () => {
    const more = (draft: Draft): Draft[] => [
      draft,
      { ...draft, key: 'ch_1:more', legs: [leg(chart.revenue, 'EUR', 5n), leg(chart.platformFees, 'EUR', -5n)] },
    ];
    const added = await run(database, endpoints, { rules: changed(version, only('ch_1:captured:1000', more)) });
    expect(named(added.findings)).toEqual([['missing', 'stripe:main:ch_1:more']]);
    const renamed = await run(database, endpoints, {
      rules: changed(
        version,
        only('ch_2:captured:1000', (draft) => [{ ...draft, key: 'ch_2:taken' }]),
      ),
    });
    expect(named(renamed.findings).sort()).toEqual([
      ['extra', 'stripe:main:ch_2:captured:1000'],
      ['missing', 'stripe:main:ch_2:taken'],
    ]);
  });

  it('that fail are told with what was posted by them', async () => {
    const rules: Rules = {
      version,
      draftsOf(event, context) {
        if ('key' in event && event.key === 'ch_2:captured:1000') throw new Error('no such rule');
        return PRESENT_RULES.draftsOf(event, context);
      },
    };
    const { findings } = await run(database, endpoints, { rules });
    expect(findings).toMatchObject([
      { kind: 'extra', effectKey: 'stripe:main:ch_2:captured:1000', reason: 'the rules fail: no such rule' },
    ]);
  });

  it('are found in payments that look at what stood before', async () => {
    const less = (draft: Draft) =>
      draft.legs.some((one) => one.account.path === 'liability:seller_payable:acct_9') ? elsewhere(draft) : [draft];
    const { findings } = await run(database, endpoints, { rules: changed(version, only('ch_9:captured:1000', less)) });
    expect(named(findings)).toEqual([['different', 'stripe:shop:ch_9:captured:1000']]);
  });
});

describe('changed books', () => {
  const transaction = async (key: string): Promise<{ id: string; source_event: string }> => {
    const { rows } = await database.sql.query<{ id: string; source_event: string }>(
      'select id, source_event from postern.transactions where effect_key = $1',
      [key],
    );
    if (rows[0] === undefined) throw new Error(`nothing is posted under ${key}`);
    return rows[0];
  };

  /** What is done to the tables is undone after it. */
  async function tampered(statements: readonly string[], check: () => Promise<void>): Promise<void> {
    const tables = ['transactions', 'postings', 'deliveries', 'fetched_objects'];
    await asSuperuser(
      database.sql,
      ...tables.map((name) => `create table public.kept_${name} as select * from postern.${name}`),
    );
    try {
      await asSuperuser(database.sql, ...statements);
      await check();
    } finally {
      await asSuperuser(
        database.sql,
        ...tables.flatMap((name) => [
          `delete from postern.${name}`,
          `insert into postern.${name} select * from public.kept_${name}`,
          `drop table public.kept_${name}`,
        ]),
      );
    }
    expect((await run(database, endpoints)).findings).toEqual([]);
  }

  it.each([
    'stripe:main:ch_1:captured:1000',
    'stripe:main:re_1:succeeded',
    'stripe:shop:ch_9:captured:1000',
    'stripe:shop:re_92:created',
    'stripe:shop:ch_9:refunded:re_91:333',
    'adyen:ad:PSP1:captured',
    'adyen:ad:PSP1:capture_reversed',
    'adyen:ad:PSP1C:captured',
    'adyen:ad:PSP1:manual',
    'adyen:ad:PSP2:captured',
    'fetching:asking:pay_1:captured',
  ])('miss %s, once and alone', async (key) => {
    const { id } = await transaction(key);
    const remove = [
      `delete from postern.postings where transaction_id = '${id}'`,
      `delete from postern.transactions where id = '${id}'`,
    ];
    await tampered(remove, async () => {
      const { findings, counts } = await run(database, endpoints);
      expect(named(findings)).toEqual([['missing', key]]);
      expect(counts.missing).toBe(1);
    });
  });

  it('have another amount: both sides are shown', async () => {
    const { id } = await transaction('adyen:ad:PSP2:captured');
    await tampered(
      [`update postern.postings set amount = amount + sign(amount) where transaction_id = '${id}'`],
      async () => {
        const { findings } = await run(database, endpoints);
        expect(findings).toMatchObject([
          { kind: 'different', effectKey: 'adyen:ad:PSP2:captured', transactions: [id] },
        ]);
        expect(findings.map(shown)).toEqual([
          {
            posted: ['-12346 income:revenue', '12346 asset:processor_pending:adyen:ad'],
            derived: ['-12345 income:revenue', '12345 asset:processor_pending:adyen:ad'],
          },
        ]);
      },
    );
  });

  it('have another account', async () => {
    const { id } = await transaction('stripe:main:ch_1:captured:1000');
    await tampered(
      [
        `update postern.postings set account_id = (select id from postern.accounts where path = 'income:refunds')
         where transaction_id = '${id}' and amount < 0`,
      ],
      async () =>
        expect(named((await run(database, endpoints)).findings)).toEqual([
          ['different', 'stripe:main:ch_1:captured:1000'],
        ]),
    );
  });

  it.each([
    ['posted', 'evt_1', null],
    ['dead', 'evt_poison', 'the event is dead'],
    ['dismissed', 'evt_dismissed', 'the event was dismissed'],
    ['parked', 'evt_new', 'the event waits'],
  ])('have more under an event that is %s', async (_status, eventId, reason) => {
    const { rows } = await database.sql.query<{ id: string }>(
      'select id from postern.events where event_id = $1 and not conflict',
      [eventId],
    );
    const id = uuidv7(Date.now());
    const planted = [
      `insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version, source_event)
       values ('${id}', 'stripe:main:planted', 'x', 'planted', now(), current_date, ${version}, '${rows[0]?.id}')`,
      `insert into postern.postings (transaction_id, line, account_id, currency, amount)
       select '${id}', n, (select id from postern.accounts where path = 'income:revenue'), 'EUR', 10 * n from unnest('{-1,1}'::int[]) as n`,
    ];
    await tampered(planted, async () => {
      const { findings } = await run(database, endpoints);
      expect(findings).toMatchObject([{ kind: 'extra', effectKey: 'stripe:main:planted', transactions: [id], reason }]);
    });
  });

  it.each([
    ['stripe:main:ch_1:captured:1000', 'apart'],
    ['stripe:shop:ch_9:captured:1000', 'in a payment whose other events are compared all the same'],
    ['adyen:ad:PSP1:captured', 'in a payment that later events took back'],
  ])('name the transactions whose bytes are gone: %s, %s', async (key) => {
    const { id, source_event: event } = await transaction(key);
    const remove = [
      `delete from postern.deliveries d using postern.events e where e.id = '${event}' and d.id = e.delivery_id`,
    ];
    await tampered(remove, async () => {
      const { findings, counts } = await run(database, endpoints);
      expect(findings).toEqual([
        {
          kind: 'bytes_gone',
          effectKey: null,
          event,
          transactions: expect.arrayContaining([id]),
          reason: null,
          derived: null,
          posted: null,
        },
      ]);
      expect(counts).toMatchObject({ bytes_gone: 1, missing: 0, extra: 0, different: 0 });
    });
  });

  it('may tell an order that was another: what a payment came to is what counts', async () => {
    const { rows } = await database.sql.query<{ id: string; event_id: string }>(
      `select t.id, e.event_id from postern.transactions t join postern.events e on e.id = t.source_event
       where e.event_id in ('evt_re_92', 'evt_re_93') order by t.id`,
    );
    // As a machine has it whose clock is behind: its refund, the later one, looks the earlier.
    const before = uuidTime(rows.find((row) => row.event_id === 'evt_re_92')?.id ?? '') - 1;
    const moved = rows.filter((row) => row.event_id === 'evt_re_93').map(({ id }) => [id, uuidv7(before)] as const);
    const move = moved.flatMap(([id, other]) => [
      `update postern.transactions set id = '${other}' where id = '${id}'`,
      `update postern.postings set transaction_id = '${other}' where transaction_id = '${id}'`,
    ]);
    await tampered(move, async () => {
      const { findings, counts } = await run(database, endpoints);
      expect(findings).toEqual([]);
      expect(counts).toMatchObject({ other_order: 2, different: 0 });
    });
    // But money that is missing is missing in any order.
    const [first] = moved;
    const less = [
      ...move,
      `update postern.postings set amount = amount - sign(amount) where transaction_id = '${first?.[1]}'`,
    ];
    await tampered(
      [...less, ...less.slice(-1).map((text) => text.replace(String(first?.[1]), String(moved[1]?.[1])))],
      async () => {
        expect((await run(database, endpoints)).counts.different).toBeGreaterThan(0);
      },
    );
  });

  it('cannot be compared without what was fetched, nor without the endpoint', async () => {
    const { id, source_event: event } = await transaction('fetching:asking:pay_1:captured');
    const told = { kind: 'not_comparable', event, transactions: [id] };
    await tampered(['delete from postern.fetched_objects'], async () => {
      const { findings, counts } = await run(database, endpoints);
      expect(findings).toMatchObject([told]);
      expect(counts).toMatchObject({ not_comparable: 1, missing: 0, extra: 0, different: 0 });
    });
    const without = endpoints.filter(({ name }) => name !== 'asking');
    expect((await run(database, without)).findings).toMatchObject([told]);
  });
});
