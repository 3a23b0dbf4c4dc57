import { expect, it } from 'vitest';
import { eventMeaning } from '../../../src/providers/paypal/event-codes.ts';

const meant = (code: string, isCredit: boolean): string => {
  const meaning = eventMeaning(code, isCredit);
  return meaning.is === 'movement' ? `${meaning.kind} ${meaning.named}` : meaning.is;
};

it.each([
  ['T0000', 'charge own', 'transfer own'],
  ['T0001', 'charge own', 'transfer own'],
  ['T0099', 'charge own', 'transfer own'],
  ['T0100', 'fee', 'fee'],
  ['T0106', 'dispute_fee', 'dispute_fee'],
  ['T0200', 'fx_conversion', 'fx_conversion'],
  ['T0300', 'topup', 'payout_reversal'],
  ['T0400', 'payout_reversal', 'payout'],
  ['T0500', 'adjustment', 'adjustment'],
  ['T1000', 'adjustment', 'adjustment'],
  ['T1101', 'payout_reversal', 'payout_reversal'],
  ['T1105', 'hold', 'hold'],
  ['T1106', 'dispute', 'dispute'],
  ['T1107', 'transfer original', 'refund own'],
  ['T1108', 'fee', 'fee'],
  ['T1110', 'hold', 'hold'],
  ['T1111', 'hold', 'hold'],
  ['T1114', 'transfer original', 'transfer original'],
  ['T1200', 'adjustment', 'adjustment'],
  ['T1201', 'dispute', 'dispute'],
  ['T1202', 'dispute', 'dispute'],
  ['T1300', 'no_money', 'no_money'],
  ['T1503', 'hold', 'hold'],
  ['T1700', 'payout_reversal', 'payout'],
  ['T1900', 'adjustment', 'adjustment'],
  ['T2001', 'transfer own', 'transfer own'],
  ['T2103', 'hold', 'hold'],
  ['T2109', 'adjustment', 'adjustment'],
  ['T2200', 'transfer own', 'transfer own'],
  ['T8877', 'other', 'other'],
  ['T9900', 'other', 'other'],
  ['', 'other', 'other'],
  ['T00', 'other', 'other'],
  ['__proto__', 'other', 'other'],
  ['constructor', 'other', 'other'],
])('%s is %s as a credit and %s as a debit', (code, credit, debit) => {
  expect([meant(code, true), meant(code, false)]).toEqual([credit, debit]);
});
