import { adyen } from '../../../src/providers/adyen/index.ts';
import { type SearchCase, THEN_TEXT } from './search-case.ts';

const transfer = (n: number, change: object = {}): object => ({
  id: `TRMADE${n}`,
  balanceAccount: { id: 'BAMADE1' },
  category: 'bank',
  type: 'bankTransfer',
  direction: 'outgoing',
  status: 'booked',
  amount: { value: 10_000, currency: 'EUR' },
  creationDate: THEN_TEXT,
  events: [
    { status: 'received', bookingDate: THEN_TEXT, mutations: [] },
    { status: 'booked', bookingDate: THEN_TEXT, mutations: [{ balance: -10_000, currency: 'EUR' }] },
  ],
  ...change,
});
const webhook = (n: number): string =>
  JSON.stringify({
    type: 'balancePlatform.transfer.updated',
    environment: 'live',
    timestamp: THEN_TEXT,
    data: transfer(n, { sequenceNumber: 3 }),
  });

export const adyenCase: SearchCase = {
  provider: adyen,
  settings: { api_key: 'AQEmadeKeyOfNoCompany01', balance_accounts: ['BAMADE1'] },
  account: 'BAMADE1',
  came: webhook(1),
  late: webhook(2),
  host: 'balanceplatform-api-live.adyen.com',
  first: (api) => api.get('/btl/v4/transfers'),
  answers(api) {
    const asked = (cursor?: string) => (query: Record<string, unknown>) =>
      query.balanceAccountId === 'BAMADE1' && query.category === 'bank' && query.cursor === cursor;
    const next = { href: 'https://elsewhere.example/btl/v4/transfers?cursor=S2B-0%3D' };
    api
      .get('/btl/v4/transfers')
      .query(asked())
      .reply(200, { data: [transfer(1)], _links: { next } });
    api
      .get('/btl/v4/transfers')
      .query(asked('S2B-0='))
      .reply(200, { data: [transfer(2, { status: 'credited' }), transfer(3, { status: 'authorised' })], _links: {} });
  },
  permission: 'TransferService Webservice Retrieve',
  found: [
    'balancePlatform.transfer.listed:TRMADE1:booked filled',
    'balancePlatform.transfer.listed:TRMADE2:credited filled',
  ],
  posted: { 'TRMADE1:created': '-10000', 'TRMADE2:created': '-10000' },
};
