import type { MovementLine, SettlementLine } from '../../settlement-line.ts';
import { type TypeRule, typeRule } from './settlement-kinds.ts';

/** The column that tells whose books a row is of: the account that notifications call `merchantAccountCode`. */
export const MERCHANT_ACCOUNT = 'Merchant Account';

/** A row of an Adyen report. Amounts in ISO minor units of the settlement currency, signed from the merchant's side. */
export type AdyenEntry = {
  readonly identity: string;
  readonly type: string;
  readonly merchantAccount: string;
  /** `{merchant account}/{batch number}` */
  readonly batch: string;
  readonly psp: string;
  readonly modification: string;
  /** Modification Merchant Reference: of a Balancetransfer, the other batch. */
  readonly note: string;
  readonly currency: string;
  readonly gross: bigint;
  readonly fee: bigint;
  readonly net: bigint;
  readonly at: number;
  readonly zone: string;
  readonly payer?: { readonly amount: bigint; readonly currency: string } | undefined;
};

/** `TX635094301XT batch 380, YOURCOMPANY_ACCOUNT`: what the bank's text says begins so. */
const PAYOUT = /\bTX\w+?XT\b/;
/** docs.adyen.com/reporting/balance-transfers: "Balancetransfer to batch 124", "Balancetransfer from batch 123". */
const OTHER_BATCH = /\b(to|from)\s+batch\s+(\d+)/i;
const DEPOSIT = 'deposit';

export function adyenLine(entry: AdyenEntry, rule: TypeRule = typeRule(entry.type)): SettlementLine {
  switch (rule.kind) {
    case 'charge':
    case 'refund':
    case 'refund_reversal':
    case 'chargeback':
    case 'chargeback_reversal':
    case 'transfer':
    case 'platform_fee': {
      const reference = rule.by === 'payment' ? entry.psp || entry.modification : entry.modification || entry.psp;
      // A row without any is kept for a person: it names nothing that a webhook could have told.
      return reference === '' ? balanceLine(entry, 'other') : movementLine(entry, rule.kind, reference);
    }
    default:
      return balanceLine(entry, rule.kind);
  }
}

/** Written out: of millions of rows nearly all are these. */
function movementLine(entry: AdyenEntry, kind: MovementLine['kind'], reference: string): MovementLine {
  const { identity, type, batch, currency, gross, fee, net, at, zone, payer } = entry;
  const line: MovementLine = {
    type: 'settlement.line',
    identity,
    batch,
    currency,
    kind,
    reference,
    gross,
    fee,
    tax: 0n,
    net,
    at,
    zone,
    word: type,
  };
  return payer === undefined ? line : { ...line, payer };
}

function balanceLine(entry: AdyenEntry, kind: Exclude<TypeRule['kind'], MovementLine['kind']>): SettlementLine {
  const { identity, type, batch, currency, gross, fee, net, at, zone } = entry;
  const base = { type: 'settlement.line', identity, batch, currency, at, zone, word: type } as const;
  switch (kind) {
    case 'fee':
    case 'tax':
      return { ...base, kind: 'fee', gross: 0n, fee: -net, tax: 0n, net };
    case 'payout':
      return { ...base, kind: 'payout', payout: payoutOf(entry) ?? batch, ...whole(net) };
    case 'payout_reversal': {
      const payout = payoutOf(entry);
      if (payout === undefined) return { ...base, kind: 'adjustment', ...whole(net) };
      return { ...base, kind: 'payout_reversal', payout, ...whole(net) };
    }
    case 'carry_forward': {
      const other = OTHER_BATCH.exec(entry.note) ?? OTHER_BATCH.exec(entry.modification);
      // Between two merchant accounts no batch is named.
      if (other === null) return { ...base, kind: 'adjustment', ...whole(net) };
      const named = `${entry.merchantAccount}/${other[2]}`;
      const [from, to] = other[1]?.toLowerCase() === 'to' ? [batch, named] : [named, batch];
      return { ...base, kind: 'carry_forward', from, to, ...whole(net) };
    }
    case 'reserve_hold':
      return { ...base, kind: net > 0n ? 'reserve_release' : 'reserve_hold', hold: DEPOSIT, ...whole(net) };
    case 'adjustment':
      return { ...base, kind: 'adjustment', gross, fee, tax: 0n, net };
    default:
      return { ...base, kind: 'other', gross, fee, tax: 0n, net };
  }
}

/** What the bank's text will say of a payout, by which it is known. */
export function payoutOf({ modification, note }: Pick<AdyenEntry, 'modification' | 'note'>): string | undefined {
  return (PAYOUT.exec(modification) ?? PAYOUT.exec(note))?.[0];
}

const whole = (net: bigint) => ({ gross: net, fee: 0n, tax: 0n, net });
