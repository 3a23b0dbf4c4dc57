import type { BankFormat } from '../bank-format.ts';
import { bai2 } from './bai2.ts';
import { camt053 } from './camt053.ts';
import { mt940 } from './mt940.ts';

/** The bank statements that can be read. A CSV begins like nothing else and is only read where it is named. */
export const bankFormats: readonly BankFormat[] = [camt053, mt940, bai2];
