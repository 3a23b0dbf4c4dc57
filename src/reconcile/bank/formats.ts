import type { BankFormat } from '../bank-format.ts';
import { bai2 } from './bai2.ts';
import { camt053 } from './camt053.ts';
import { csvStatement } from './csv-statement.ts';
import { mt940 } from './mt940.ts';

/** The formats of bank statements; a file is of the first that recognises it. CSV comes last: it knows only what it is not. */
export const bankFormats: readonly BankFormat[] = [camt053, mt940, bai2, csvStatement];
