import { createPublicKey, type KeyObject } from 'node:crypto';

const BEGIN = '-----BEGIN PUBLIC KEY-----';
const PEM_CHARS_MAX = 4_096;
const MODULUS_BITS_MIN = 2_048;

/** The keys Wise publishes, one for each environment (docs.wise.com/guides/developer/webhooks/event-handling). */
const PUBLISHED: ReadonlyMap<string, string> = new Map([
  [
    'production',
    pem(
      'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvO8vXV+JksBzZAY6GhSO',
      'XdoTCfhXaaiZ+qAbtaDBiu2AGkGVpmEygFmWP4Li9m5+Ni85BhVvZOodM9epgW3F',
      'bA5Q1SexvAF1PPjX4JpMstak/QhAgl1qMSqEevL8cmUeTgcMuVWCJmlge9h7B1CS',
      'D4rtlimGZozG39rUBDg6Qt2K+P4wBfLblL0k4C4YUdLnpGYEDIth+i8XsRpFlogx',
      'CAFyH9+knYsDbR43UJ9shtc42Ybd40Afihj8KnYKXzchyQ42aC8aZ/h5hyZ28yVy',
      'Oj3Vos0VdBIs/gAyJ/4yyQFCXYte64I7ssrlbGRaco4nKF3HmaNhxwyKyJafz19e',
      'HwIDAQAB',
    ),
  ],
  [
    'sandbox',
    pem(
      'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwpb91cEYuyJNQepZAVfP',
      'ZIlPZfNUefH+n6w9SW3fykqKu938cR7WadQv87oF2VuT+fDt7kqeRziTmPSUhqPU',
      'ys/V2Q1rlfJuXbE+Gga37t7zwd0egQ+KyOEHQOpcTwKmtZ81ieGHynAQzsn1We3j',
      'wt760MsCPJ7GMT141ByQM+yW1Bx+4SG3IGjXWyqOWrcXsxAvIXkpUD/jK/L958Cg',
      'nZEgz0BSEh0QxYLITnW1lLokSx/dTianWPFEhMC9BgijempgNXHNfcVirg1lPSyg',
      'z7KqoKUN0oHqWLr2U1A+7kqrl6O2nx3CKs1bj1hToT1+p4kcMoHXA7kA+VBLUpEs',
      'VwIDAQAB',
    ),
  ],
]);

function pem(...lines: readonly string[]): string {
  return [BEGIN, ...lines, '-----END PUBLIC KEY-----', ''].join('\n');
}

/** An endpoint's secret is the name of a published key, or a key as PEM, should Wise publish another. Null: neither. */
export function publicKeyOf(secret: string): KeyObject | null {
  const text = PUBLISHED.get(secret) ?? secret.trimStart();
  // A private key would be taken too, and does not belong here.
  if (text.length > PEM_CHARS_MAX || !text.startsWith(BEGIN)) return null;
  let key: KeyObject;
  try {
    key = createPublicKey(text);
  } catch {
    // What OpenSSL cannot read is no key: said by `checkSecret`, and never matched.
    return null;
  }
  const isStrong = (key.asymmetricKeyDetails?.modulusLength ?? 0) >= MODULUS_BITS_MIN;
  return key.asymmetricKeyType === 'rsa' && isStrong ? key : null;
}
