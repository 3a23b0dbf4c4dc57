import { coinbaseCommerce } from '../../../src/providers/coinbase-commerce/index.ts';
import type { ListedCase, Made } from '../../support/object-lists.ts';
import { chargeEvent, cryptoPayment, madeCharge } from './samples.ts';

const TYPES = ['', 'charge:confirmed', 'charge:pending', 'charge:resolved', 'charge:confirmed'];

/** Event 1 confirms a charge, 2 has seen a payment, 3 resolves one paid too little, 4 tells the charge of 1 again. */
function event(n: number, { at }: Made): { type: string; charge: object; about: { id: string; created_at: string } } {
  const id = n === 4 ? 1 : n;
  const value = { local: { amount: n === 3 ? '90071992547409.93' : '100.00', currency: 'USD' } };
  const status = n === 2 ? 'PENDING' : 'CONFIRMED';
  const payments = [cryptoPayment({ transaction_id: `0xm${id}`, status, value })];
  const created_at = new Date(at + n * 1_000).toISOString();
  return {
    type: TYPES[n] ?? '',
    charge: madeCharge({ code: `MADE${id}`, payments }),
    about: { id: `made-event-${n}`, created_at },
  };
}

export const listed: ListedCase = {
  provider: coinbaseCommerce,
  settings: () => ({ api_key: '00000000-0000-4000-8000-00000000a001' }),
  answer({ path, query }, numbers, of) {
    if (path !== '/events') return undefined;
    const after = query.get('starting_after');
    const newest = numbers.toReversed();
    const rest = after === null ? newest : newest.slice(newest.indexOf(Number(after.slice(-1))) + 1);
    const data = rest.slice(0, 3).map((n) => {
      const { type, charge, about } = event(n, of);
      return { ...about, resource: 'event', api_version: '2018-03-22', type, data: charge };
    });
    const next_uri = rest.length > 3 ? 'https://elsewhere.example/events?starting_after=x' : null;
    return { pagination: { order: 'desc', next_uri, limit: 100, yielded: data.length }, data };
  },
  webhook(n, of) {
    const { type, charge, about } = event(n, of);
    return { body: chargeEvent(type, charge, about, 2).toString() };
  },
  posts: { 1: ['MADE1:captured:0xm1 10000'], 2: [], 3: ['MADE3:captured:0xm3 9007199254740993'], 4: [] },
  permission: /403.*events of the account/,
  nonsense: ['[]', '{"data":[]}', '{"data":{},"pagination":{}}', '{"data":[],"pagination":{"next_uri":"x"}}'],
};
