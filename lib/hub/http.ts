import { LmsptError } from "../errors.js";
import { TransientError } from "./retry.js";

/** One request to one address; redirects are answers like any other. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD";
  readonly url: URL;
  readonly headers: Record<string, string>;
  /** Silence after which the connection counts as dead, in milliseconds. */
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** An answer whose body has not been read. Call `discard()` when done with it, also when `body()` was not read to its end. */
export interface HttpAnswer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  /** The body in pieces, never decompressed behind the caller's back: only plain bodies are asked for. */
  body(): AsyncGenerator<Uint8Array, void, void>;
  discard(): Promise<void>;
}

/**
 * Sends a request and resolves when the head of the answer is here. Both this call and `body()` reject with
 * `signal.reason` on abort, with TransientError when the connection broke or fell silent, and with ERR_LMSPT_DOWNLOAD
 * when the host cannot be reached or its answer cannot be read.
 */
export async function send(request: HttpRequest): Promise<HttpAnswer> {
  const { method, url, signal } = request;
  signal?.throwIfAborted();
  const watchdog = new Watchdog(request.idleTimeoutMs, signal);
  const failure = (error: unknown) => {
    if (signal?.aborted) return signal.reason;
    if (watchdog.barked) return new TransientError(`${url.host} sent nothing for ${request.idleTimeoutMs / 1000} s`);
    return networkError(error, url);
  };
  try {
    const response = await fetch(url, {
      method,
      headers: { "user-agent": "lmspt", "accept-encoding": "identity", ...request.headers },
      redirect: "manual",
      signal: watchdog.signal,
    });
    return {
      url,
      status: response.status,
      headers: response.headers,
      body: () => readBody(response, watchdog, failure),
      discard: async () => {
        watchdog.close();
        await response.body?.cancel().catch(() => undefined);
      },
    };
  } catch (error) {
    watchdog.close();
    throw failure(error);
  }
}

/**
 * Where a redirecting answer leads, or undefined when it does not redirect.
 * Throws ERR_LMSPT_DOWNLOAD when it leads nowhere or from https to something weaker.
 */
export function redirectTarget({ url, status, headers }: HttpAnswer): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const location = headers.get("location");
  const target = location !== null && URL.canParse(location, url.href) ? new URL(location, url) : undefined;
  const safe = target?.protocol === "https:" || (target?.protocol === "http:" && url.protocol === "http:");
  if (target !== undefined && safe) return target;
  throw new LmsptError("ERR_LMSPT_DOWNLOAD", `${url.host} redirects to an address that cannot be used: ${location}`);
}

async function* readBody(response: Response, watchdog: Watchdog, failure: (error: unknown) => unknown) {
  const reader = response.body?.getReader();
  try {
    while (reader !== undefined) {
      const { done, value } = await reader.read().catch((error) => {
        throw failure(error);
      });
      if (done) return;
      watchdog.feed();
      yield value as Uint8Array;
    }
  } finally {
    watchdog.close();
    await reader?.cancel().catch(() => undefined);
  }
}

/** Aborts its signal when the outer signal aborts, or when it is not fed for a while. */
class Watchdog {
  barked = false;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = () => this.#controller.abort(this.#outer?.reason);

  constructor(idleMs: number, outer: AbortSignal | undefined) {
    this.#outer = outer;
    outer?.addEventListener("abort", this.#onAbort, { once: true });
    this.#timer = setTimeout(() => {
      this.barked = true;
      this.#controller.abort();
    }, idleMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  feed(): void {
    this.#timer.refresh();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#onAbort);
  }
}

const TRANSIENT_CODES = new Set(["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "EAI_AGAIN"]);

function networkError(error: unknown, url: URL): LmsptError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error ? String((cause as NodeJS.ErrnoException).code ?? "") : "";
  if (TRANSIENT_CODES.has(code) || code.startsWith("UND_ERR_")) {
    return new TransientError(`The connection to ${url.host} broke (${code})`, { cause: error });
  }
  return new LmsptError(
    "ERR_LMSPT_DOWNLOAD",
    `Cannot reach ${url.host} (${code || cause}). Check the network and HF_ENDPOINT, or download the model elsewhere ` +
      "and give the path of its folder",
    { cause: error },
  );
}
