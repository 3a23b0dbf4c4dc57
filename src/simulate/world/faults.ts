import { CONTROL_FAULTS } from './control-faults.ts';
import type { Fault } from './fault.ts';
import { FILE_FAULTS } from './file-faults.ts';
import { PAYMENT_FAULTS } from './payment-faults.ts';
import { PAYOUT_FAULTS } from './payout-faults.ts';
import { UNFINISHED_FAULTS } from './unfinished-faults.ts';

const FAULTS = {
  ...PAYMENT_FAULTS,
  ...UNFINISHED_FAULTS,
  ...CONTROL_FAULTS,
  ...FILE_FAULTS,
  ...PAYOUT_FAULTS,
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[];

export const faultOf = (kind: FaultKind): Fault => FAULTS[kind];
