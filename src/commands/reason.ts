import { InvalidArgumentError } from 'commander';

const REASON_MAX = 500;

/** `--reason`: for the audit log. */
export function reason(text: string): string {
  if (text.trim() === '' || text.length > REASON_MAX) throw new InvalidArgumentError(`1 to ${REASON_MAX} characters`);
  return text;
}
