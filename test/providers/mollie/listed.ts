import { mollie } from '../../../src/providers/mollie/index.ts';
import type { ListedCase, Made } from '../../support/object-lists.ts';
import { mollieEvent, molliePayment, mollieRefund } from './samples.ts';

const EUR = (value: string): object => ({ value, currency: 'EUR' });

/** Movement 1 is told by a signed event, 2 is captured apart, 3 a refund, 4 a chargeback, 5 told by a classic call. */
function made(n: number, { at }: Made): Record<string, unknown> {
  const createdAt = new Date(at + n * 1_000).toISOString();
  const base = { mode: 'live', createdAt };
  if (n === 2) {
    return molliePayment({
      ...base,
      id: 'tr_M2',
      captureMode: 'manual',
      paidAt: createdAt,
      amountCaptured: EUR('7.50'),
    });
  }
  if (n === 3) return mollieRefund({ id: 're_M3', paymentId: 'tr_M1', createdAt });
  if (n === 4) {
    const chargeback = { resource: 'chargeback', id: 'chb_M4', paymentId: 'tr_M1', createdAt, reversedAt: null };
    return { ...chargeback, amount: EUR('20.00') };
  }
  return molliePayment({ ...base, id: `tr_M${n}`, paidAt: createdAt });
}

const OF = { payments: [1, 2, 5], refunds: [3], chargebacks: [4] };

export const listed: ListedCase = {
  provider: mollie,
  settings: () => ({ api_key: 'live_madeKeyOfNoAccount1' }),
  answer({ path }, numbers, of) {
    const [, what = '', id] = /^\/v2\/(payments|refunds|chargebacks)(?:\/tr_M(\d))?$/.exec(path) ?? [];
    if (what !== 'payments' && what !== 'refunds' && what !== 'chargebacks') return undefined;
    if (id === undefined) {
      const elements = OF[what].filter((n) => numbers.includes(n)).map((n) => made(n, of));
      return { count: elements.length, _embedded: { [what]: elements }, _links: { next: null } };
    }
    const payment = made(Number(id), of);
    const capture = {
      resource: 'capture',
      id: 'cpt_M2',
      paymentId: 'tr_M2',
      amount: EUR('7.50'),
      status: 'succeeded',
      createdAt: payment.createdAt,
    };
    return Number(id) === 2 ? { ...payment, _embedded: { captures: [capture] } } : payment;
  },
  webhook(n, of) {
    if (n === 5) return { body: 'id=tr_M5', level: 'hint' };
    const type = n === 3 ? 'refund.refunded' : n === 4 ? 'chargeback.received' : 'payment.paid';
    return { body: mollieEvent(type, made(n, of), { id: `event_M${n}` }).toString() };
  },
  posts: {
    1: ['tr_M1:captured 2000'],
    2: ['cpt_M2:captured 750'],
    3: ['re_M3:created 595', 're_M3:succeeded 595'],
    4: ['chb_M4:withdrawn 2000'],
    5: ['tr_M5:captured 2000'],
  },
  permission: /403.*payments\.read and refunds\.read/,
  nonsense: ['[]', '{"_embedded":{}}', '{"_embedded":{"payments":{}}}'],
};
