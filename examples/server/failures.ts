/** Errors as answers: a status, a stable code and a message for people. */
import type { FastifyError } from "fastify";
import { type ErrorCode, FormatError, LmsptError } from "../../lib/index.js";

/** An answer that is no success. */
export class HttpFailure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Seconds after which the client may try again. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** What clients get. */
export interface FailureBody {
  readonly error: { readonly code: string; readonly message: string; readonly offset?: number };
}

const STATUS_OF_CODE: Partial<Record<ErrorCode, number>> = {
  ERR_LMSPT_FORMAT: 400,
  ERR_LMSPT_INVALID_ARGUMENT: 400,
  ERR_LMSPT_MODEL: 409,
  ERR_LMSPT_UNSUPPORTED: 415,
  ERR_LMSPT_CLOSED: 503,
  ERR_LMSPT_OUT_OF_MEMORY: 503,
};

const CODE_OF_FASTIFY: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "ERR_SERVER_TOO_LARGE",
  FST_ERR_VALIDATION: "ERR_SERVER_QUERY",
};

/** The answer to any error. What is not the client's doing is told in general words only. */
export function explainFailure(error: FastifyError | Error): {
  status: number;
  body: FailureBody;
  retryAfter?: number;
} {
  if (error instanceof HttpFailure) {
    const { status, code, message, retryAfter } = error;
    return { status, body: { error: { code, message } }, retryAfter };
  }
  if (error instanceof LmsptError) {
    const status = STATUS_OF_CODE[error.code] ?? 500;
    const offset = error instanceof FormatError ? error.offset : undefined;
    if (status !== 500) return { status, body: { error: { code: error.code, message: error.message, offset } } };
  }
  const { statusCode = 500, code = "" } = error as FastifyError;
  if (statusCode < 500) {
    return { status: statusCode, body: { error: { code: CODE_OF_FASTIFY[code] ?? code, message: error.message } } };
  }
  return {
    status: 500,
    body: { error: { code: "ERR_SERVER_INTERNAL", message: "The server failed; its log says why" } },
  };
}
