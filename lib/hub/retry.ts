import { invalidArgument, LmsptError } from "../errors.js";

/** How patient a download is. All times in milliseconds. */
export interface NetworkPolicy {
  /** Failures in a row after which a download is given up, at least 1. */
  readonly attempts: number;
  /** Pause after the first failure; it doubles with each further one. */
  readonly firstDelayMs: number;
  /** Longest pause of our own choosing. */
  readonly maxDelayMs: number;
  /** Longest pause that a server may ask for with `Retry-After`. */
  readonly maxRetryAfterMs: number;
  /** Silence after which a connection counts as dead. */
  readonly idleTimeoutMs: number;
}

/** Node.js fires longer timers at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const DEFAULT_NETWORK_POLICY: NetworkPolicy = {
  attempts: 5,
  firstDelayMs: 500,
  maxDelayMs: 10_000,
  maxRetryAfterMs: 120_000,
  idleTimeoutMs: 30_000,
};

/** The default policy with `changes`. Throws ERR_LMSPT_INVALID_ARGUMENT for a value out of range. */
export function makeNetworkPolicy(changes: Partial<NetworkPolicy> = {}): NetworkPolicy {
  const policy = { ...DEFAULT_NETWORK_POLICY, ...changes };
  for (const [name, value] of Object.entries(policy)) {
    const least = name === "attempts" || name === "idleTimeoutMs" ? 1 : 0;
    if (Number.isSafeInteger(value) && value >= least && value <= LONGEST_TIMER_MS) continue;
    throw invalidArgument(`network.${name}`, `an integer from ${least} to ${LONGEST_TIMER_MS}`, value);
  }
  return policy;
}

/** A failure that may pass when the request is repeated. */
export class TransientError extends LmsptError {
  /** Pause that the server asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: { cause?: unknown; retryAfterMs?: number | undefined } = {}) {
    super("ERR_LMSPT_DOWNLOAD", message, { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * Repeats `attempt` after every TransientError, with growing pauses, until it succeeds or `policy.attempts` failures
 * happened in a row; `attempt` calls `succeeding` to start that count anew. Rejects with `signal.reason` on abort, with
 * ERR_LMSPT_DOWNLOAD when it gives up, and at once with any other error.
 */
export async function withRetries<T>(
  policy: NetworkPolicy,
  signal: AbortSignal | undefined,
  attempt: (succeeding: () => void) => Promise<T>,
): Promise<T> {
  let failures = 0;
  const succeeding = () => {
    failures = 0;
  };
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await attempt(succeeding);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof TransientError)) throw error;
      failures++;
      await pause(pauseAfter(error, failures, policy), signal);
    }
  }
}

function pauseAfter(error: TransientError, failures: number, policy: NetworkPolicy): number {
  if (failures >= policy.attempts) throw givenUp(error, `given up after ${failures} failures in a row`);
  const { retryAfterMs } = error;
  if (retryAfterMs === undefined) {
    const delay = Math.min(policy.firstDelayMs * 2 ** (failures - 1), policy.maxDelayMs);
    return delay * (0.75 + 0.5 * Math.random());
  }
  if (retryAfterMs > policy.maxRetryAfterMs) {
    throw givenUp(error, `the server asks to wait ${Math.ceil(retryAfterMs / 1000)} s; try again then`);
  }
  return retryAfterMs;
}

function givenUp(error: TransientError, why: string): LmsptError {
  return new LmsptError("ERR_LMSPT_DOWNLOAD", `${error.message} (${why})`, { cause: error.cause ?? error });
}

/** Waits `ms` milliseconds; rejects with `signal.reason` on abort. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** The pause that a `Retry-After` header asks for (seconds or a date), in milliseconds; undefined when it asks nothing. */
export function parseRetryAfter(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null) return undefined;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
