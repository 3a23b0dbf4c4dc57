/**
 * What a transaction event code is about. The group (two digits) is what PayPal says is enough for reconciliation; single codes
 * stand here where their group mixes different things. Direction is only ever in the column CR/DR: a T1202 may be a debit.
 * developer.paypal.com/docs/reports/reference/tcodes
 */
export type EventMeaning =
  /** `own`: named by its Transaction ID; `original`: by the PayPal Reference ID, where there is one. */
  | { readonly is: 'movement'; readonly kind: 'charge' | 'refund' | 'transfer'; readonly named: 'own' | 'original' }
  | { readonly is: 'payout_reversal' }
  | {
      readonly is:
        | 'dispute'
        | 'dispute_fee'
        | 'fee'
        | 'hold'
        | 'payout'
        | 'topup'
        | 'fx_conversion'
        | 'adjustment'
        | 'other'
        | 'no_money';
    };

type ByDirection = { readonly credit: EventMeaning; readonly debit: EventMeaning };

const both = (meaning: EventMeaning): ByDirection => ({ credit: meaning, debit: meaning });

const charge: EventMeaning = { is: 'movement', kind: 'charge', named: 'own' };
const refund: EventMeaning = { is: 'movement', kind: 'refund', named: 'own' };
/** Money sent: payout items, which their webhooks name by the transaction that sent them, returned or not. */
const sent: EventMeaning = { is: 'movement', kind: 'transfer', named: 'own' };
const sentBack: EventMeaning = { is: 'movement', kind: 'transfer', named: 'original' };
const reversal: EventMeaning = { is: 'payout_reversal' };
const dispute = both({ is: 'dispute' });
const fee = both({ is: 'fee' });
const hold = both({ is: 'hold' });
const adjustment = both({ is: 'adjustment' });
const toTheBank: ByDirection = { debit: { is: 'payout' }, credit: reversal };
const fromTheBank: ByDirection = { credit: { is: 'topup' }, debit: reversal };

const CODES: Readonly<Record<string, ByDirection>> = {
  // Chargeback processing fee: an expense of the dispute, not of the payment.
  T0106: both({ is: 'dispute_fee' }),
  // Reversals of a withdrawal, and of a deposit.
  T1101: both(reversal),
  T1104: both(reversal),
  T1105: hold,
  // Taken back by PayPal, and through an open wallet: money of a dispute, of which no webhook tells the movement.
  T1106: dispute,
  // What is refunded to us is of a payment that we sent.
  T1107: { debit: refund, credit: sentBack },
  T1108: fee,
  T1109: fee,
  T1110: hold,
  T1111: hold,
  // Credit to a customer without a payment before it.
  T1113: both(refund),
  T1114: both(sentBack),
  T1115: both(sentBack),
  T1118: dispute,
  T1119: both(sentBack),
  T1201: dispute,
  T1202: dispute,
  T1205: dispute,
  T1207: dispute,
  T1208: dispute,
  // Gift certificates, among the reserves.
  T2109: adjustment,
  T2110: adjustment,
};

const GROUPS: Readonly<Record<string, ByDirection>> = {
  T00: { credit: charge, debit: sent },
  T01: fee,
  T02: both({ is: 'fx_conversion' }),
  T03: fromTheBank,
  T04: toTheBank,
  T05: adjustment,
  T06: toTheBank,
  T07: fromTheBank,
  T08: adjustment,
  T09: adjustment,
  T10: adjustment,
  T11: adjustment,
  T12: adjustment,
  // Authorisations and their voids.
  T13: both({ is: 'no_money' }),
  T14: adjustment,
  T15: hold,
  T16: adjustment,
  T17: toTheBank,
  T18: toTheBank,
  T19: adjustment,
  T20: both(sent),
  T21: hold,
  T22: both(sent),
};

/** What is not known is `other`: it goes to suspense for a person to say, and is never dropped. */
export function eventMeaning(code: string, isCredit: boolean): EventMeaning {
  if (!/^T\d{4}$/.test(code)) return { is: 'other' };
  const known = CODES[code] ?? GROUPS[code.slice(0, 3)];
  if (known === undefined) return { is: 'other' };
  return isCredit ? known.credit : known.debit;
}
