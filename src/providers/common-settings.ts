import { isTimeZone } from '../time-zone.ts';
import type { EndpointSettings, SettingFault } from './provider.ts';
import { RECONCILIATION_CHECKS } from './reconciliation-settings.ts';

const TOLERANCE_S_MAX = 3_600;
const ACCOUNTS_MAX = 1_000;
const BACKFILL_EVERY_S_MIN = 300;
const BACKFILL_EVERY_S_MAX = 7 * 86_400;
const TYPES_MAX = 200;
const ACCOUNT = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/;

/** What is wrong with the settings every endpoint has; `known` are the provider's own, anything else is a mistake. */
export function commonSettingFaults(settings: EndpointSettings, known: readonly string[] = []): SettingFault[] {
  const faults: SettingFault[] = [];
  for (const [name, value] of Object.entries(settings)) {
    if (known.includes(name) || value === undefined) continue;
    const message = Object.hasOwn(CHECKS, name) ? CHECKS[name]?.(value) : 'no such setting';
    if (message != null) faults.push({ path: `/${name}`, message });
  }
  return faults;
}

const CHECKS: Readonly<Record<string, (value: unknown) => string | null>> = {
  mode: (value) => oneOf(value, ['live', 'test']),
  marketplace: (value) => oneOf(value, ['on_capture', 'on_transfer']),
  time_zone: (value) =>
    typeof value === 'string' && isTimeZone(value)
      ? null
      : 'must be the IANA name of a time zone, such as Europe/Berlin, or UTC',
  // In ledger paths and effect keys a ':' would blur where the account ends.
  account: (value) =>
    typeof value === 'string' && ACCOUNT.test(value) ? null : 'must be 1 to 128 letters, digits and . _ @ -',
  accounts: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= ACCOUNTS_MAX &&
    value.every((one) => typeof one === 'string')
      ? null
      : `must be a list of 1 to ${ACCOUNTS_MAX} account names`,
  tolerance_s: (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= TOLERANCE_S_MAX
      ? null
      : `must be a whole number of seconds from 1 to ${TOLERANCE_S_MAX}`,
  backfill_every_s: (value) =>
    typeof value === 'number' &&
    Number.isInteger(value) &&
    (value === 0 || (value >= BACKFILL_EVERY_S_MIN && value <= BACKFILL_EVERY_S_MAX))
      ? null
      : `must be 0 for never, or a whole number of seconds from ${BACKFILL_EVERY_S_MIN} to ${BACKFILL_EVERY_S_MAX}`,
  backfill_types: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= TYPES_MAX &&
    value.every((one) => typeof one === 'string' && /^[^\s*]{1,100}\*?$/.test(one))
      ? null
      : `must be a list of 1 to ${TYPES_MAX} event types, such as "charge.*"`,
  ...RECONCILIATION_CHECKS,
};

function oneOf(value: unknown, allowed: readonly string[]): string | null {
  return typeof value === 'string' && allowed.includes(value) ? null : `must be one of ${allowed.join(', ')}`;
}
