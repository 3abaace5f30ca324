/**
 * Every error that lmspt raises on purpose. `code` is stable and meant for programs; the message is meant for people
 * and says what was expected, what came, and what to do.
 */

export type ErrorCode =
  /** An argument has the wrong type, range or shape. */
  | "ERR_LMSPT_INVALID_ARGUMENT"
  /** A graph operation got values whose shapes or types do not fit. */
  | "ERR_LMSPT_SHAPE"
  /** A file or byte stream is corrupt or is not what its name claims. */
  | "ERR_LMSPT_FORMAT"
  /** The input is valid, but this version does not handle it. */
  | "ERR_LMSPT_UNSUPPORTED"
  /** Reading or writing a file failed; `cause` holds the system's error. */
  | "ERR_LMSPT_IO"
  /** Weights and configuration do not fit each other, or a model cannot be found. */
  | "ERR_LMSPT_MODEL"
  /** A training configuration does not say what it should; the message names key and place. */
  | "ERR_LMSPT_CONFIG"
  /** Training ran into numbers that are not finite and cannot go on. */
  | "ERR_LMSPT_DIVERGED"
  /** A download failed or is forbidden (offline mode); `cause` holds the network's error. */
  | "ERR_LMSPT_DOWNLOAD"
  /** The native addon or a compute device cannot be used here. */
  | "ERR_LMSPT_DEVICE"
  /** Memory for a plan or a buffer could not be had. */
  | "ERR_LMSPT_OUT_OF_MEMORY"
  /** The object was closed before or during the call. */
  | "ERR_LMSPT_CLOSED";

/** Base class of all errors of this package. */
export class LmsptError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A file or stream that cannot be parsed. `offset` is the byte at which parsing stopped, where one is known. */
export class FormatError extends LmsptError {
  readonly offset: number | undefined;

  constructor(message: string, offset?: number, options?: { cause?: unknown }) {
    super("ERR_LMSPT_FORMAT", offset === undefined ? message : `${message} (at byte ${offset})`, options);
    this.offset = offset;
  }
}

/** Builds the error for a bad argument: `invalidArgument("mode", '"full" or "aux"', mode)`. */
export function invalidArgument(name: string, expected: string, received: unknown): LmsptError {
  return new LmsptError(
    "ERR_LMSPT_INVALID_ARGUMENT",
    `Expected ${expected} for ${name} but received ${describe(received)}`,
  );
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return `an object of ${value.constructor?.name ?? "no class"}`;
  return String(value);
}
