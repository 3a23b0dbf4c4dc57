import { expect, it } from 'vitest';
import { faultCurrency } from '../../../src/reconcile/import/fault-currency.ts';

const FAULT = { type: 'fault', kind: 'contradiction', row: null, field: null, value: null, reason: 'is off' } as const;
const [DOLLARS, EUROS, MORE_EUROS] = [
  { batch: 'po_1', currency: 'USD' },
  { batch: 'po_2', currency: 'EUR' },
  { batch: 'po_1', currency: 'EUR' },
];

it.each([
  ['of a batch', { batch: 'po_1' }, [DOLLARS, EUROS], 'USD'],
  ['of a batch in two currencies', { batch: 'po_1' }, [DOLLARS, MORE_EUROS], null],
  ['of a batch that the report has not', { batch: 'po_3' }, [EUROS, MORE_EUROS], 'EUR'],
  ['of a report in one currency', {}, [EUROS, MORE_EUROS], 'EUR'],
  ['of a report in two', {}, [DOLLARS, EUROS], null],
  ['of a report without batches', {}, [], null],
  ['with an amount of its own', { batch: 'po_2', difference: { amount: 1n, currency: 'JPY' } }, [EUROS], 'JPY'],
])('the currency of a fault %s', (_, more, batches, currency) => {
  expect(faultCurrency({ ...FAULT, ...more }, batches)).toBe(currency);
});
