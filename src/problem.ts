import { STATUS_CODES } from 'node:http';
import { type Fault, PosternError } from './errors.ts';

/** An RFC 9457 problem document. `errors` says what was wrong where. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
};

/** What the validator says of one place. */
type SchemaFault = {
  instancePath?: string;
  keyword?: string;
  message?: string;
  params?: {
    missingProperty?: string;
    additionalProperty?: string;
    allowedValue?: unknown;
    allowedValues?: readonly unknown[];
  };
};

/** A fastify error: it brings its own status, and for a failed schema the places. */
type HttpError = {
  statusCode?: number;
  message: string;
  validation?: SchemaFault[];
  validationContext?: string;
};

/**
 * Whatever was thrown, as the answer to it. What is not one of our own coded errors, or a client's mistake that the HTTP
 * library names, is a fault of ours: 500, without the inside of the house in the text.
 */
export function problemOf(error: unknown): Problem {
  if (error instanceof PosternError) {
    const inner = error.http === 500;
    return problem(
      error.http,
      inner ? 'something went wrong on our side; the log says what' : error.message,
      error.faults,
    );
  }
  const { statusCode = 500, message, validation, validationContext } = error as HttpError;
  if (validation !== undefined) {
    const faults = namedFaults(validation, validationContext ?? 'body');
    return problem(400, faults.map((fault) => `${fault.path} ${fault.message}`).join('; '), faults);
  }
  if (statusCode >= 400 && statusCode < 500) return problem(statusCode, message, []);
  return problem(
    statusCode >= 500 && statusCode < 600 ? statusCode : 500,
    'something went wrong on our side; the log says what',
    [],
  );
}

/** With the name of the parameter, and what it may be. */
function namedFaults(validation: readonly SchemaFault[], context: string): Fault[] {
  return validation.flatMap((fault): Fault[] => {
    const { instancePath = '', keyword, message = 'is not valid', params = {} } = fault;
    const path = `${context}${instancePath}`;
    if (keyword === 'enum') return [{ path, message: oneOf(params.allowedValues ?? []) }];
    if (keyword === 'additionalProperties')
      return [{ path: `${path}/${params.additionalProperty}`, message: 'is not known' }];
    if (keyword === 'required') return [{ path: `${path}/${params.missingProperty}`, message }];
    const here = validation.filter((other) => other.instancePath === fault.instancePath);
    const words = here.filter((other) => other.keyword === 'const');
    // Of a choice of words the validator says of each that it is not meant, and then that none is.
    if (words.length > 0 && words.length === here.length - 1 && here.at(-1)?.keyword === 'anyOf')
      return fault === here.at(-1) ? [{ path, message: oneOf(words.map((word) => word.params?.allowedValue)) }] : [];
    return [{ path, message }];
  });
}

const oneOf = (values: readonly unknown[]): string => `must be one of ${values.join(', ')}`;

function problem(status: number, detail: string, faults: Problem['errors'] = []): Problem {
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    ...(faults.length === 0 ? {} : { errors: faults }),
  };
}
