import { wise } from '../../../src/providers/wise/index.ts';
import type { ListedCase, Made } from '../../support/object-lists.ts';
import { transferAnswer, wiseEvent } from './samples.ts';

const STATES = ['', 'outgoing_payment_sent', 'outgoing_payment_sent', 'funds_refunded', 'outgoing_payment_sent'];

/** Transfer 1 goes to our bank, 2 to somebody else, 3 came back from him; 4 filled our own balance. */
function made(n: number, { at }: Made): Record<string, unknown> {
  const created = new Date(at + n * 1_000).toISOString().slice(0, 19).replace('T', ' ');
  const change = { status: STATES[n], created, quoteUuid: `made-quote-${n}` };
  return JSON.parse(transferAnswer(8000 + n, n === 1 ? 9001 : 9000 + n, change).toString()) as Record<string, unknown>;
}

export const listed: ListedCase = {
  provider: wise,
  settings: (account) => ({
    accounts: [`70${account}`, `71${account}`],
    own_recipients: ['9001'],
    api_key: 'made-api-token',
    mode: 'live',
  }),
  answer({ path, query }, numbers, of) {
    if (path === '/v1/transfers') {
      const mine = query.get('profile') === `70${of.account}` && query.get('offset') === '0';
      return mine ? numbers.map((n) => made(n, of)) : [];
    }
    const [, profile, quote] = /^\/v3\/profiles\/(\d+)\/quotes\/made-quote-(\d)$/.exec(path) ?? [];
    if (quote !== undefined)
      return profile === `70${of.account}`
        ? { id: `made-quote-${quote}`, payOut: quote === '4' ? 'BALANCE' : 'BANK_TRANSFER' }
        : undefined;
    const [, transfer] = /^\/v1\/transfers\/800(\d)$/.exec(path) ?? [];
    return transfer === undefined ? undefined : made(Number(transfer), of);
  },
  webhook(n, { account, at }) {
    const occurred_at = new Date(at + n * 60_000).toISOString();
    const profile_id = Number(`70${account}`);
    const resource = { type: 'transfer', id: 8000 + n, profile_id, account_id: n === 1 ? 9001 : 9000 + n };
    // Of what fills our own balance only the balance tells.
    const body =
      n === 4
        ? wiseEvent('balances#credit', {
            resource: { ...resource, type: 'balance-account' },
            amount: 100.5,
            currency: 'GBP',
          })
        : wiseEvent('transfers#state-change', { resource, current_state: STATES[n], occurred_at });
    return {
      body: body.toString(),
      headers: [
        ['x-delivery-id', `d${n}`],
        ['x-signature-sha256', 'made'],
      ],
    };
  },
  posts: {
    // 100.50 GBP left, 115.17 EUR arrive.
    1: ['8001:created 21567'],
    2: ['8002:created 10050'],
    3: ['8003:created 10050', '8003:reversed 10050'],
    4: [],
  },
  permission: /403.*read the transfers of profile/,
  nonsense: ['[', '[]]', '[],"x":[]', '{"transfers":[]}'],
};
