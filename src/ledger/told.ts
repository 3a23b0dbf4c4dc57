import type { BankLine } from '../bank-line.ts';
import type { PaymentEvent } from '../payment-event.ts';
import type { BatchNamed, PeriodBalance, SettlementLine } from '../settlement-line.ts';
import type { Allocation, WriteOff } from './match-rules.ts';

/** All that the ledger can be told: by processors, their reports, banks, matching passes and people. */
export type Told = PaymentEvent | SettlementLine | BatchNamed | PeriodBalance | BankLine | Allocation | WriteOff;
