import { constants, type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { LmsptError } from "../errors.js";
import { checksumLike } from "./checksum.js";
import type { HubClient, RemoteFile } from "./client.js";
import type { HttpAnswer } from "./http.js";
import { formatHubName, type HubFile } from "./reference.js";
import { TransientError, withRetries } from "./retry.js";

/** Bytes after which failures are counted anew, large enough that a trickling server cannot hold a download forever. */
const PROGRESS_BYTES = 1 << 20;

/**
 * Both counts are bytes. `received` starts above 0 when a download resumes and returns to 0 when a server can only start
 * over; `total` is undefined where no server tells.
 */
export type ProgressListener = (received: number, total: number | undefined) => void;

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ProgressListener | undefined;
}

/**
 * The download of one blob through the file `<blob>.incomplete`, which outlives a failure so that the next download
 * goes on from there. Bytes are written at their own offsets, so even two writers would only write the same twice.
 */
export class BlobDownload {
  readonly #client: HubClient;
  /** The file at its commit, so that a branch that moves meanwhile changes nothing. */
  readonly #file: HubFile;
  readonly #checksum: string;
  readonly #size: number | undefined;
  readonly #blob: string;
  readonly #partial: string;
  readonly #options: DownloadOptions;
  #received = 0;
  /** True when the partial file holds bytes of more than one answer. */
  #resumed = false;
  /** The storage server's own ETag, by which it tells in this run whether its file has changed. */
  #validator: string | undefined;

  constructor(client: HubClient, file: HubFile, remote: RemoteFile, blob: string, options: DownloadOptions) {
    this.#client = client;
    this.#file = { ...file, revision: remote.commit };
    this.#checksum = remote.checksum;
    this.#size = remote.size;
    this.#blob = blob;
    this.#partial = `${blob}.incomplete`;
    this.#options = options;
  }

  /** Fetches what is missing, verifies the whole, and renames it into place. The caller holds the blob's lock. */
  async run(): Promise<void> {
    await mkdir(dirname(this.#partial), { recursive: true });
    for (const lastTry of [false, true]) {
      await this.#complete();
      const actual = await checksumLike(this.#checksum, this.#partial, this.#options.signal);
      if (actual === this.#checksum) return rename(this.#partial, this.#blob);
      await rm(this.#partial);
      if (lastTry || !this.#resumed) throw this.#wrongContent(`its checksum is ${actual}`);
    }
  }

  async #complete(): Promise<void> {
    const handle = await open(this.#partial, constants.O_RDWR | constants.O_CREAT);
    try {
      this.#received = (await handle.stat()).size;
      this.#resumed = this.#received > 0;
      if (this.#size !== undefined && this.#received > this.#size) await this.#startOver(handle);
      let furthest = this.#received;
      await withRetries(this.#client.policy, this.#options.signal, (succeeding) =>
        this.#receive(handle, () => {
          if (this.#received < furthest + PROGRESS_BYTES) return;
          furthest = this.#received;
          succeeding();
        }),
      );
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** One request for the bytes that are missing. */
  async #receive(handle: FileHandle, onChunk: () => void): Promise<void> {
    if (this.#received === this.#size) return;
    const answer = await this.#client.get(this.#file, this.#rangeHeaders(), this.#options.signal);
    try {
      await this.#takePosition(handle, answer);
      await this.#append(handle, answer, onChunk);
    } finally {
      await answer.discard();
    }
  }

  async #append(handle: FileHandle, answer: HttpAnswer, onChunk: () => void): Promise<void> {
    this.#validator = strongEtag(answer);
    const total = this.#size ?? totalOf(answer, this.#received);
    this.#options.onProgress?.(this.#received, total);
    for await (const chunk of answer.body()) {
      if (total !== undefined && this.#received + chunk.length > total) {
        throw this.#wrongContent(`it is longer than ${total} bytes`);
      }
      await writeFully(handle, chunk, this.#received);
      this.#received += chunk.length;
      onChunk();
      this.#options.onProgress?.(this.#received, total);
    }
    if (total !== undefined && this.#received < total) {
      throw new TransientError(`${answer.url.host} sent ${this.#received} of ${total} bytes`);
    }
  }

  #rangeHeaders(): Record<string, string> {
    if (this.#received === 0) return {};
    const range = { range: `bytes=${this.#received}-` };
    return this.#validator === undefined ? range : { ...range, "if-range": this.#validator };
  }

  /** Makes the partial file end where the answer begins: a server may send everything instead of the rest. */
  async #takePosition(handle: FileHandle, answer: HttpAnswer): Promise<void> {
    if (answer.status === 200) return this.#startOver(handle);
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers.get("content-range") ?? "") ?? [];
    const fits = this.#size === undefined || total === "*" || Number(total) === this.#size;
    this.#resumed = this.#received > 0;
    if (answer.status === 206 && Number(start) === this.#received && fits) return;
    await this.#startOver(handle);
    throw new TransientError(`${answer.url.host} cannot send the rest of a file (${answer.status})`);
  }

  async #startOver(handle: FileHandle): Promise<void> {
    await handle.truncate(0);
    this.#received = 0;
    this.#resumed = false;
    this.#validator = undefined;
  }

  #wrongContent(difference: string): LmsptError {
    return new LmsptError(
      "ERR_LMSPT_DOWNLOAD",
      `The download of ${formatHubName(this.#file)} is not the file that the hub announced: expected checksum ` +
        `${this.#checksum}, but ${difference}. Try again; if it stays so, something between here and the hub alters it`,
    );
  }
}

function strongEtag({ headers }: HttpAnswer): string | undefined {
  const etag = headers.get("etag") ?? "";
  return etag.startsWith('"') ? etag : undefined;
}

function totalOf({ headers }: HttpAnswer, start: number): number | undefined {
  const length = headers.get("content-length");
  return length === null ? undefined : start + Number(length);
}

async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
