import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { currencyExponent } from '../../currency.ts';
import { balancesOf, trialBalance } from '../../ledger/balance-store.ts';
import { historyOf, listAccounts } from '../../ledger/queries-store.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { UUID } from '../../uuid.ts';
import type { ApiDeps } from '../deps.ts';
import { namedAccount } from '../named-account.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import {
  AccountId,
  AccountShape,
  BalanceShape,
  PostingShape,
  problems,
  TransactionShape,
  TrialBalanceShape,
} from '../shapes.ts';
import { accountView, postingView, transactionView } from '../views.ts';

const Time = Type.Optional(Type.String({ format: 'date-time' }));
const HistoryShape = Type.Object({ transaction: TransactionShape, posting: PostingShape });
const EXPONENT_UNKNOWN = 2;

export const accountRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool }) => {
  const sql = sqlOf(pool);
  const config = { access: ['finance', 'service'] } as const;
  const tags = ['accounts'];

  const accountOf = (id: string) => namedAccount(sql, id);

  app.get(
    '/accounts',
    {
      config,
      schema: {
        tags,
        summary: 'List accounts by path',
        querystring: Type.Object(
          { prefix: Type.Optional(Type.String({ maxLength: 300 })), ...PageQuery },
          { additionalProperties: false },
        ),
        response: { 200: ListOf(AccountShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT, prefix } = request.query;
      const after = unpackCursor(cursor, [/^.{1,600}$/s])?.[0] ?? null;
      const accounts = await listAccounts(sql, {
        ...(prefix === undefined ? {} : { prefix }),
        after,
        limit: limit + 1,
      });
      return pageOf(accounts, limit, (a) => [a.path], accountView);
    },
  );

  app.get(
    '/accounts/:id/balance',
    {
      config,
      schema: {
        tags,
        summary: 'Balances by currency: debits − credits, always',
        params: AccountId,
        querystring: Type.Object({ at: Time, known_at: Time }, { additionalProperties: false }),
        response: { 200: BalanceShape, ...problems },
      },
    },
    async (request) => {
      const { at, known_at: knownAt } = request.query;
      const account = await accountOf(request.params.id);
      const balances = await balancesOf(sql, account.id, { at: dateOf(at), knownAt: dateOf(knownAt) });
      return {
        account: account.path,
        at: at ?? null,
        known_at: knownAt ?? null,
        balances: balances.map((b) => ({
          currency: b.currency,
          exponent: currencyExponent(b.currency) ?? EXPONENT_UNKNOWN,
          debits: String(b.debits),
          credits: String(b.credits),
          balance: String(b.balance),
        })),
      };
    },
  );

  app.get(
    '/accounts/:id/ledger',
    {
      config,
      schema: {
        tags,
        summary: 'What moved on an account, newest record first',
        params: AccountId,
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: ListOf(HistoryShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT } = request.query;
      const account = await accountOf(request.params.id);
      const key = unpackCursor(cursor, [UUID, /^\d{1,5}$/]);
      const before = key === null ? null : { transactionId: key[0] ?? '', line: Number(key[1]) };
      const lines = await historyOf(sql, account.id, { before, limit: limit + 1 });
      return pageOf(
        lines,
        limit,
        (l) => [l.transaction.id, String(l.posting.line)],
        (l) => ({ transaction: transactionView(l.transaction, [l.posting]), posting: postingView(l.posting) }),
      );
    },
  );

  app.get(
    '/trial-balance',
    {
      config: { access: ['finance'] },
      schema: {
        tags,
        summary: 'Every account; the totals of debits and credits are equal',
        querystring: Type.Object({ at: Time }, { additionalProperties: false }),
        response: { 200: TrialBalanceShape, ...problems },
      },
    },
    async (request) => {
      const { at } = request.query;
      const rows = await trialBalance(sql, { at: dateOf(at) });
      const totals = new Map<string, { debits: bigint; credits: bigint }>();
      for (const row of rows) {
        const total = totals.get(row.currency) ?? { debits: 0n, credits: 0n };
        totals.set(row.currency, { debits: total.debits + row.debits, credits: total.credits + row.credits });
      }
      return {
        at: at ?? null,
        accounts: rows.map((row) => ({
          account: row.account,
          currency: row.currency,
          debits: String(row.debits),
          credits: String(row.credits),
          balance: String(row.balance),
        })),
        totals: [...totals]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([currency, total]) => ({ currency, debits: String(total.debits), credits: String(total.credits) })),
      };
    },
  );
};

function dateOf(text: string | undefined): Date | null {
  return text === undefined ? null : new Date(text);
}
