import { type Logger, type LoggerOptions, pino } from 'pino';

export type Log = Logger;

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

const STDOUT = 1;

/**
 * The log: one JSON object a line on standard output, or on another file descriptor. Never a body, a header's value or a
 * secret: what is logged is named field by field where it is logged, and what slips in under a telling name is removed
 * here, and what has the form of a credential wherever it stands.
 */
export function createLog(level: LogLevel, fd = STDOUT): Log {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`]),
      censor: '[removed]',
    },
    serializers: { err: describeError },
    hooks: { streamWrite: withoutSecrets },
  };
  return pino(options, pino.destination({ dest: fd, sync: true }));
}

const SECRET_NAMES = [
  'body',
  'headers',
  'authorization',
  'cookie',
  'secret',
  'secrets',
  'password',
  'token',
  'connectionString',
  'url',
];

/**
 * Tokens of ours, signing secrets and API keys by their beginnings, what follows "Bearer" or "Basic", and passwords in addresses:
 * the message of some library's error may quote any of them.
 */
const CREDENTIALS =
  /\b(pst_|whsec_|whsk_|(?:sk|rk)_(?:live|test)_|(?:Bearer|Basic) +)[\w+/=.~-]{6,}|(:\/\/[^\s:/@"]*:)[^\s/@"]+(?=@)/gi;

export function withoutSecrets(line: string): string {
  return line.replace(
    CREDENTIALS,
    (_, beginning?: string, address?: string) => `${beginning ?? address ?? ''}[removed]`,
  );
}

/**
 * An error as a log shows it. pg's errors carry `detail`, `where` and the failing parameters, which quote the row: a
 * payload would be in the log.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const described: Record<string, unknown> = { type: error.name, message: error.message, stack: error.stack };
  if ('code' in error) described.code = error.code;
  if ('constraint' in error && error.constraint !== undefined) described.constraint = error.constraint;
  if (error.cause instanceof Error) described.cause = error.cause.message;
  return described;
}
