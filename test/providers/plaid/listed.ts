import { plaid } from '../../../src/providers/plaid/index.ts';
import type { ListedCase, Made } from '../../support/object-lists.ts';
import { plaidBody, transferEvent } from './samples.ts';

/** Event 1 settles a debit, 2 settles a payment to a person, 3 refunds, 4 sweeps, 5 returns the debit of 1. */
function made(n: number, { at }: Made): Record<string, unknown> {
  const told = { event_id: n, timestamp: new Date(at + n * 1_000).toISOString(), transfer_id: `made-transfer-${n}` };
  if (n === 2) return transferEvent({ ...told, transfer_type: 'credit', transfer_amount: '90071992547409.93' });
  if (n === 3) return transferEvent({ ...told, event_type: 'refund.settled', refund_id: 'made-refund-3' });
  if (n === 4)
    return transferEvent({ ...told, event_type: 'sweep.settled', transfer_id: null, sweep_id: 'made-sweep-4' });
  if (n === 5) return transferEvent({ ...told, event_type: 'returned', transfer_id: 'made-transfer-1' });
  return transferEvent(told);
}

export const listed: ListedCase = {
  provider: plaid,
  settings: () => ({ client_id: 'madeclientid0001', api_key: 'madeapisecret0001' }),
  answer({ path, body }, numbers, of) {
    const asked = JSON.parse(body) as { after_id?: number; count?: number };
    const created = new Date(of.at).toISOString();
    switch (path) {
      case '/transfer/event/list':
        return { transfer_events: [made(Math.max(...numbers), of)] };
      case '/transfer/event/sync': {
        const after = numbers.filter((n) => n > (asked.after_id ?? 0));
        const given = after.slice(0, asked.count).map((n) => made(n, of));
        return { transfer_events: given, has_more: given.length < after.length };
      }
      case '/transfer/refund/get':
        return {
          refund: { id: 'made-refund-3', transfer_id: 'made-transfer-3', amount: '2.00', status: 'settled', created },
        };
      case '/transfer/sweep/get':
        return { sweep: { id: 'made-sweep-4', amount: '10.34', iso_currency_code: 'USD', status: 'settled', created } };
      default:
        return undefined;
    }
  },
  // One webhook tells that there are events, all of them.
  webhook: (n) => ({ body: plaidBody({ made_by_us_id: String(n), environment: 'production' }).toString() }),
  posts: {
    1: ['made-transfer-1:captured 1234'],
    2: ['made-transfer-2:created 9007199254740993'],
    3: ['made-refund-3:created 200', 'made-refund-3:succeeded 200'],
    4: ['made-sweep-4:created 1034'],
    5: ['made-transfer-1:reversed 1234'],
  },
  permission: /403.*may not read/,
  nonsense: ['[]', '{"transfer_events":{}}', '{"transfer_events":null,"has_more":false}'],
};
