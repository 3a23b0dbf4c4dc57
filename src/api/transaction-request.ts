import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { type Fault, PosternError } from '../errors.ts';
import { type Json, parseExactJson } from '../exact-json.ts';
import type { Wish } from '../transfers/asked.ts';
import { readMajor } from '../transfers/major-amount.ts';
import { serviceAccount } from '../transfers/service-account.ts';

export const KEY_CHARS_MAX = 255;
const KEY_CHARS_REFUSED = /\p{Cc}/u;

/** As a number it never was one here: the parser below keeps its text. */
const MajorAmount = Type.Union([Type.String({ maxLength: 40 }), Type.Number()], {
  description: 'major units, as "100.00", with no more decimals than the currency has',
});
const IdempotencyKey = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: KEY_CHARS_MAX,
    description: 'or the header Idempotency-Key; the same key and content again is answered with what became of it',
  }),
);

export const TransferBody = Type.Object(
  {
    transaction: Type.Object(
      {
        source_account_id: Type.String({ minLength: 1, maxLength: 500, description: 'is credited' }),
        destination_account_id: Type.String({ minLength: 1, maxLength: 500, description: 'is debited' }),
        amount: MajorAmount,
        currency: Type.String({ minLength: 1, maxLength: 10 }),
      },
      { additionalProperties: false },
    ),
    idempotencyKey: IdempotencyKey,
  },
  { additionalProperties: false },
);

export const RefundBody = Type.Object(
  { amount: Type.Optional(MajorAmount), idempotencyKey: IdempotencyKey },
  { additionalProperties: false },
);

/** The body of a request that names money: a JS number would lose digits of "9007199254740993.01". No body is an empty one. */
export function parseMoneyBody(body: string): Json {
  if (body.trim() === '') return {};
  try {
    return parseExactJson(body);
  } catch (cause) {
    const why = cause instanceof PosternError ? cause.message : 'the body is not JSON';
    throw new PosternError('invalid_request', why, { cause });
  }
}

/** @throws PosternError `invalid_request` with every fault. */
export function transferOf({ transaction }: Static<typeof TransferBody>): Wish {
  const faults: Fault[] = [];
  const fault = (field: string, message: string): void => {
    faults.push({ path: `body/transaction/${field}`, message });
  };
  const source = serviceAccount(transaction.source_account_id);
  const destination = serviceAccount(transaction.destination_account_id);
  const read = readMajor(String(transaction.amount), transaction.currency);
  if ('fault' in source) fault('source_account_id', source.fault);
  if ('fault' in destination) fault('destination_account_id', destination.fault);
  if ('fault' in read) fault(read.field, read.fault);
  if (!('fault' in source) && !('fault' in destination)) {
    if (source.path === destination.path) fault('destination_account_id', 'must be another account than the source');
    else if (!('fault' in read))
      return { kind: 'transfer', source, destination, currency: transaction.currency, amount: read.amount };
  }
  throw invalid(faults);
}

/** @throws PosternError `invalid_request` where there is none, or two. */
export function idempotencyKeyOf(request: FastifyRequest, inBody: string | undefined): string {
  const sent = request.headers['idempotency-key'];
  const inHeader = Array.isArray(sent) ? sent.join(', ') : sent;
  const key = inBody ?? inHeader;
  if (key === undefined || key === '')
    throw invalid([{ path: 'body/idempotencyKey', message: 'is needed, here or as the header Idempotency-Key' }]);
  if (inHeader !== undefined && inHeader !== key)
    throw invalid([{ path: 'headers/idempotency-key', message: 'differs from the idempotencyKey of the body' }]);
  // A header's bytes come as they are: what is not ASCII would be another key than the same text in a body.
  if (inBody === undefined && !/^[\x20-\x7e]*$/.test(key))
    throw invalid([{ path: 'headers/idempotency-key', message: 'must be ASCII; send other keys in the body' }]);
  if (key.length > KEY_CHARS_MAX || KEY_CHARS_REFUSED.test(key) || !key.isWellFormed() || key === '.' || key === '..')
    throw invalid([
      {
        path: 'body/idempotencyKey',
        message: `must have at most ${KEY_CHARS_MAX} characters and no control characters, and not be "." or ".."`,
      },
    ]);
  return key;
}

function invalid(faults: readonly Fault[]): PosternError {
  const [first] = faults;
  return new PosternError(
    'invalid_request',
    first === undefined ? 'the request is not valid' : `${first.path} ${first.message}`,
    {
      faults,
    },
  );
}
