import { STATUS_CODES } from 'node:http';
import { PosternError } from './errors.ts';

/** An RFC 9457 problem document. `errors` says what was wrong where. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
};

/** A fastify error: it brings its own status, and for a failed schema the places. */
type HttpError = {
  statusCode?: number;
  message: string;
  validation?: { instancePath?: string; message?: string; params?: { missingProperty?: string } }[];
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
    const faults = validation.map((v) => ({
      path: `${validationContext ?? 'body'}${v.instancePath ?? ''}${v.params?.missingProperty === undefined ? '' : `/${v.params.missingProperty}`}`,
      message: v.message ?? 'is not valid',
    }));
    return problem(400, message, faults);
  }
  if (statusCode >= 400 && statusCode < 500) return problem(statusCode, message, []);
  return problem(
    statusCode >= 500 && statusCode < 600 ? statusCode : 500,
    'something went wrong on our side; the log says what',
    [],
  );
}

function problem(status: number, detail: string, faults: Problem['errors'] = []): Problem {
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    ...(faults.length === 0 ? {} : { errors: faults }),
  };
}
