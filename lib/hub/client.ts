import { readFile } from "node:fs/promises";
import { LmsptError } from "../errors.js";
import { explainIo, isFile } from "../io/system-errors.js";
import type { HubEnvironment } from "./environment.js";
import { type HttpAnswer, redirectTarget, send } from "./http.js";
import type { HubFile } from "./reference.js";
import { type NetworkPolicy, withRetries } from "./retry.js";
import { statusError } from "./status.js";

const MAX_REDIRECTS = 10;

/** What the hub tells about a file before it is downloaded. */
export interface RemoteFile {
  /** The commit that the revision names, 40 hexadecimal digits. */
  readonly commit: string;
  /** Checksum of the content: SHA-256 (64 hexadecimal digits) or git's SHA-1 of the blob (40). */
  readonly checksum: string;
  /** Bytes, where the hub tells. */
  readonly size: number | undefined;
}

/** Speaks the hub's protocol for single files. The token is sent to the hub's own origin and nowhere else. */
export class HubClient {
  readonly policy: NetworkPolicy;
  readonly #endpoint: string;
  readonly #origin: string;
  readonly #token: string | undefined;

  private constructor(endpoint: string, token: string | undefined, policy: NetworkPolicy) {
    this.policy = policy;
    this.#endpoint = endpoint;
    this.#origin = new URL(endpoint).origin;
    this.#token = token;
  }

  /** Makes a client with the token of the environment, else the one saved at log-in, else none. */
  static async open(environment: HubEnvironment, policy: NetworkPolicy): Promise<HubClient> {
    return new HubClient(environment.endpoint, await readToken(environment), policy);
  }

  /**
   * Asks for commit, checksum and size of `file`, with retries. Rejects with ERR_LMSPT_MODEL when it does not exist and
   * with ERR_LMSPT_DOWNLOAD when the hub refuses, cannot be reached, or does not answer as a hub.
   */
  describe(file: HubFile, signal: AbortSignal | undefined): Promise<RemoteFile> {
    return withRetries(this.policy, signal, () => this.#describeOnce(file, signal));
  }

  /**
   * Starts one download of `file`, following redirects. Resolves with a 200, 206 or 416 answer; any other status is an
   * error as at {@link describe}, a TransientError where it may pass.
   */
  async get(file: HubFile, headers: Record<string, string>, signal: AbortSignal | undefined): Promise<HttpAnswer> {
    let url = this.#urlOf(file);
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const answer = await this.#send("GET", url, headers, signal);
      if ([200, 206, 416].includes(answer.status)) return answer;
      await answer.discard();
      url = redirectTarget(answer) ?? this.#reject(answer, file);
    }
    throw tooManyRedirects(file);
  }

  async #describeOnce(file: HubFile, signal: AbortSignal | undefined): Promise<RemoteFile> {
    const known: { commit?: string; etag?: string; size?: string } = {};
    let url = this.#urlOf(file);
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const answer = await this.#send("HEAD", url, {}, signal);
      await answer.discard();
      const target = redirectTarget(answer);
      if (target === undefined && answer.status !== 200) this.#reject(answer, file);

      const header = (name: string) => answer.headers.get(name) ?? undefined;
      known.commit = header("x-repo-commit") ?? known.commit;
      known.etag = header("x-linked-etag") ?? header("etag") ?? known.etag;
      known.size = header("x-linked-size") ?? (target ? known.size : (header("content-length") ?? known.size));

      const complete = known.commit !== undefined && known.etag !== undefined;
      if (target === undefined || (complete && target.origin !== url.origin)) return checkedRemoteFile(known, url);
      url = target;
    }
    throw tooManyRedirects(file);
  }

  #send(method: "GET" | "HEAD", url: URL, headers: Record<string, string>, signal: AbortSignal | undefined) {
    const trusted = this.#token !== undefined && url.origin === this.#origin;
    return send({
      method,
      url,
      headers: trusted ? { ...headers, authorization: `Bearer ${this.#token}` } : headers,
      idleTimeoutMs: this.policy.idleTimeoutMs,
      signal,
    });
  }

  #urlOf({ repo, revision, file }: HubFile): URL {
    const path = file.split("/").map(encodeURIComponent).join("/");
    return new URL(`${this.#endpoint}/${repo}/resolve/${encodeURIComponent(revision)}/${path}`);
  }

  #reject(answer: HttpAnswer, file: HubFile): never {
    throw statusError(answer, file, {
      fromHub: answer.url.origin === this.#origin,
      endpoint: this.#endpoint,
      hasToken: this.#token !== undefined,
    });
  }
}

/** Both values become file names in the cache, so nothing but checksums is let through. */
function checkedRemoteFile(known: { commit?: string; etag?: string; size?: string }, url: URL): RemoteFile {
  const checksum = known.etag?.replace(/^W\//, "").replaceAll('"', "");
  const size = known.size === undefined ? undefined : Number(known.size);
  const valid =
    /^[0-9a-f]{40}$/.test(known.commit ?? "") &&
    /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(checksum ?? "") &&
    (size === undefined || (Number.isSafeInteger(size) && size >= 0));
  if (valid) return { commit: known.commit!, checksum: checksum!, size };
  throw new LmsptError(
    "ERR_LMSPT_DOWNLOAD",
    `${url.host} does not answer as a Hugging Face hub: expected a commit and a checksum in the headers, but received ` +
      `x-repo-commit ${known.commit ?? "missing"}, etag ${known.etag ?? "missing"}, size ${known.size ?? "unknown"}. ` +
      "Check HF_ENDPOINT and whether a proxy answers in the hub's place",
  );
}

function tooManyRedirects({ repo, file }: HubFile): LmsptError {
  return new LmsptError("ERR_LMSPT_DOWNLOAD", `More than ${MAX_REDIRECTS} redirects for ${file} of ${repo}`);
}

async function readToken({ token, tokenFile }: HubEnvironment): Promise<string | undefined> {
  const found = token ?? (await readSavedToken(tokenFile));
  if (found === undefined || /^[\x21-\x7e]+$/.test(found)) return found;
  throw new LmsptError(
    "ERR_LMSPT_INVALID_ARGUMENT",
    `Expected an access token of printable ASCII characters in ${token ? "HF_TOKEN" : tokenFile}, but it holds others`,
  );
}

function readSavedToken(path: string): Promise<string | undefined> {
  return explainIo(`Cannot read the access token in ${path}`, async () =>
    (await isFile(path)) ? (await readFile(path, "utf8")).trim() || undefined : undefined,
  );
}
