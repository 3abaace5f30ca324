import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a storage server does wrong with one request. */
export interface Fault {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** Break the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Stop sending after so many bytes of the body, and keep the connection. */
  readonly stallAfter?: number;
  readonly ignoreRange?: boolean;
  /** Answer a range request with bytes that begin here instead. */
  readonly wrongStart?: number;
  /** Serve these bytes instead of the file. */
  readonly content?: Buffer;
  /** Called before anything is answered. */
  readonly before?: () => void | Promise<void>;
}

export interface SeenRequest {
  readonly server: "hub" | "cdn";
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
}

interface StoredFile {
  readonly content: Buffer;
  /** Large files live on the second server. */
  readonly large: boolean;
}

/** A hub on one loopback server and its storage on another, speaking the protocol of the Hugging Face Hub. */
export class FakeHub {
  readonly commit = randomBytes(20).toString("hex");
  readonly requests: SeenRequest[] = [];
  /** Faults of the hub and of the storage server, each used up by one request. */
  readonly hubFaults: Fault[] = [];
  readonly cdnFaults: Fault[] = [];
  /** When set, only requests with this token see the repository. */
  requiredToken: string | undefined;
  /** When set, small files are served through a redirect inside the hub, as the real one does. */
  redirectsSmallFiles = false;
  /** The storage server's own ETag of every file. */
  #cdnEtag = '"storage-1"';
  readonly #files = new Map<string, StoredFile>();
  readonly #hub: Server = createServer((request, response) => this.#serve("hub", request, response));
  readonly #cdn: Server = createServer((request, response) => this.#serve("cdn", request, response));

  constructor(
    readonly repo: string,
    readonly branch = "main",
  ) {}

  async start(): Promise<this> {
    for (const server of [this.#hub, this.#cdn]) {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
    return this;
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    }
  }

  get endpoint(): string {
    return origin(this.#hub);
  }

  add(file: string, content: Buffer, large = file.endsWith(".safetensors")): void {
    this.#files.set(file, { content, large });
  }

  /** From now on the storage server has the same content under another ETag. */
  replaceStoredFiles(): void {
    this.#cdnEtag = '"storage-2"';
  }

  /** The requests for bodies that the storage server saw. */
  get downloads(): SeenRequest[] {
    return this.requests.filter(({ server, method }) => server === "cdn" && method === "GET");
  }

  async #serve(server: "hub" | "cdn", request: IncomingMessage, response: ServerResponse): Promise<ServerResponse> {
    const { method = "", url: path = "", headers } = request;
    this.requests.push({ server, method, path, headers });
    const fault = (server === "hub" ? this.hubFaults : this.cdnFaults).shift() ?? {};
    await fault.before?.();
    if (fault.status !== undefined) return response.writeHead(fault.status, fault.headers).end();
    if (server === "hub") return this.#serveHub(request, response, path, fault);
    return sendFile(request, response, this.#storedAs(path), fault, { etag: this.#cdnEtag });
  }

  #serveHub(request: IncomingMessage, response: ServerResponse, path: string, fault: Fault) {
    const prefix = `/${this.repo}/resolve/`;
    const inner = `/api/resolve-cache/${this.repo}/`;
    const refuse = (status: number, code: string) =>
      response.writeHead(status, { "x-error-code": code, "x-repo-commit": this.commit }).end();
    if (this.requiredToken !== undefined && request.headers.authorization !== `Bearer ${this.requiredToken}`) {
      return refuse(request.headers.authorization ? 403 : 401, "GatedRepo");
    }
    if (!path.startsWith(prefix) && !path.startsWith(inner)) return refuse(404, "RepoNotFound");
    const [revision = "", ...parts] = path.slice((path.startsWith(prefix) ? prefix : inner).length).split("/");
    if (![this.branch, this.commit].includes(decodeURIComponent(revision))) return refuse(404, "RevisionNotFound");
    const name = parts.map(decodeURIComponent).join("/");
    const stored = this.#files.get(name);
    if (stored === undefined) return refuse(404, "EntryNotFound");

    const { content } = stored;
    if (stored.large) {
      const sha = sha256(content);
      const location = `${origin(this.#cdn)}/storage/${sha}?signature=abc`;
      const linked = { "x-linked-etag": `"${sha}"`, "x-linked-size": String(content.length) };
      const head = { location, "x-repo-commit": this.commit, etag: `"${gitSha1(Buffer.from(sha))}"`, ...linked };
      return response.writeHead(302, { ...head, ...fault.headers }).end();
    }
    if (this.redirectsSmallFiles && path.startsWith(prefix)) {
      const location = `${inner}${this.commit}/${parts.join("/")}`;
      return response.writeHead(307, { location, "x-repo-commit": this.commit }).end();
    }
    return sendFile(request, response, content, fault, { etag: `"${gitSha1(content)}"`, "x-repo-commit": this.commit });
  }

  #storedAs(path: string): Buffer {
    const [, sha] = /^\/storage\/([0-9a-f]+)/.exec(path) ?? [];
    return [...this.#files.values()].find(({ content }) => sha256(content) === sha)!.content;
  }
}

function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  stored: Buffer,
  fault: Fault,
  headers: Record<string, string>,
): ServerResponse {
  const content = fault.content ?? stored;
  const [, wanted] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
  const changed = request.headers["if-range"] !== undefined && request.headers["if-range"] !== headers.etag;
  const ranged = wanted !== undefined && !changed && !fault.ignoreRange;
  const start = ranged ? (fault.wrongStart ?? Number(wanted)) : 0;
  if (start >= content.length && ranged) {
    return response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
  }
  const body = content.subarray(start);
  const contentRange = `bytes ${start}-${content.length - 1}/${content.length}`;
  response.writeHead(ranged ? 206 : 200, {
    "content-length": String(body.length),
    ...(ranged ? { "content-range": contentRange } : {}),
    ...headers,
    ...fault.headers,
  });
  if (request.method === "HEAD") return response.end();
  const stop = fault.cutAfter ?? fault.stallAfter;
  if (stop === undefined) return response.end(body);
  response.flushHeaders();
  const finish = () => {
    if (fault.cutAfter !== undefined) setTimeout(() => response.destroy(), 30);
  };
  if (stop === 0) finish();
  else response.write(body.subarray(0, stop), finish);
  return response;
}

function origin(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

export function gitSha1(content: Buffer): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}
