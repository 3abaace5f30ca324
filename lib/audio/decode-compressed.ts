import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { FormatError, LmsptError } from "../errors.js";
import type { MultiChannelAudio } from "./audio.js";
import type { DecodeMessage, DecodeTask } from "./decode-worker.js";
import { joinParts, type SoundPart } from "./sound-part.js";
import type { CompressedFormat } from "./stream-decoders.js";

const NAMES: Record<CompressedFormat, string> = { flac: "FLAC", mp3: "MP3", vorbis: "Ogg Vorbis", opus: "Ogg Opus" };
const STALL_MS = 30_000;
/** 4 GiB of samples: three hours of stereo at 48 kHz. */
const MAX_SAMPLES = 2 ** 30;

export interface DecodeCompressedOptions {
  /** Mix the channels into one; default false. */
  readonly mono?: boolean;
  /** The byte of the file at which the stream begins; default 0. */
  readonly start?: number;
  /** A decoder that shows no progress for so long is stopped; default 30 000. */
  readonly stallMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Decodes a compressed file in a thread of its own, part by part; the next part is decoded while one is used.
 *
 * @param input a file, or the stream itself
 * @throws FormatError when the file is damaged (`cause` holds the decoder's error); `signal.reason` on abort
 */
export async function* decodeCompressedParts(
  format: CompressedFormat,
  input: Uint8Array | string,
  options: DecodeCompressedOptions = {},
): AsyncGenerator<SoundPart, void, void> {
  const { mono = false, start = 0, stallMs = STALL_MS, signal } = options;
  signal?.throwIfAborted();
  const owned = typeof input === "string" ? input : new Uint8Array(input);
  const task: DecodeTask = { format, mono, input: owned, start };
  const worker = new Worker(join(__dirname, "decode-worker.js"), {
    workerData: task,
    transferList: typeof owned === "string" ? [] : [owned.buffer],
    execArgv: [],
    stdout: true,
    stderr: true,
  });
  // Failures are reported where an answer is awaited; after an abort nobody waits.
  worker.on("error", () => {});
  try {
    const ask = () => askForPart(worker, stallMs, signal);
    for (let next = ask(); ; ) {
      const message = await next;
      if (message.kind === "end") return;
      if (message.kind === "damage") {
        const { offset, cause } = message;
        throw damaged(format, message.message, offset === undefined ? undefined : start + offset, cause);
      }
      next = ask();
      // Awaited later, or never.
      next.catch(() => {});
      yield message;
    }
  } catch (error) {
    throw error instanceof DecoderFailure ? damaged(format, error.message, undefined, error.cause) : error;
  } finally {
    await worker.terminate();
  }
}

/**
 * Decodes a whole compressed file.
 *
 * @param options.maxSamples most samples over all channels; default 2^30
 * @throws as `decodeCompressedParts`, and LmsptError `ERR_LMSPT_UNSUPPORTED` above `maxSamples`
 */
export async function decodeCompressed(
  format: CompressedFormat,
  input: Uint8Array | string,
  options: DecodeCompressedOptions & { readonly maxSamples?: number } = {},
): Promise<MultiChannelAudio> {
  const { maxSamples = MAX_SAMPLES } = options;
  const parts: SoundPart[] = [];
  let frames = 0;
  for await (const part of decodeCompressedParts(format, input, options)) {
    parts.push(part);
    frames += part.channels[0]!.length;
    if (frames * part.channels.length > maxSamples) throw tooLong(format, maxSamples);
  }
  const { sampleRate, channels } = joinParts(parts);
  return { sampleRate, channels };
}

/** The thread did not answer as it should. */
class DecoderFailure extends Error {}

type Answer = Exclude<DecodeMessage, { kind: "progress" }>;

/** Asks the thread for a part and waits for its answer. */
function askForPart(worker: Worker, stallMs: number, signal: AbortSignal | undefined): Promise<Answer> {
  const release = new AbortController();
  return new Promise<Answer>((resolve, reject) => {
    const stuck = () => reject(new DecoderFailure(`the decoder got stuck for ${stallMs} ms`));
    const watchdog = setTimeout(stuck, stallMs);
    const onMessage = (message: DecodeMessage) => {
      if (message.kind === "progress") watchdog.refresh();
      else resolve(message);
    };
    const onError = (cause: Error) => reject(new DecoderFailure(cause.message, { cause }));
    const onExit = () => reject(new DecoderFailure("the decoder stopped without a result"));
    const onAbort = () => reject(signal!.reason);
    worker.on("message", onMessage).on("error", onError).on("exit", onExit);
    signal?.addEventListener("abort", onAbort);
    release.signal.addEventListener("abort", () => {
      clearTimeout(watchdog);
      worker.off("message", onMessage).off("error", onError).off("exit", onExit);
      signal?.removeEventListener("abort", onAbort);
    });
    // A thread that nobody asks does not keep the program from ending.
    worker.ref();
    release.signal.addEventListener("abort", () => worker.unref());
    worker.postMessage("next");
  }).finally(() => release.abort());
}

function tooLong(format: CompressedFormat, maxSamples: number): LmsptError {
  return new LmsptError(
    "ERR_LMSPT_UNSUPPORTED",
    `The ${NAMES[format]} file decodes to more than ${maxSamples} samples; read it in parts, as encodeFile does`,
  );
}

/** The error for a stream that is not as it should be. */
export function damaged(format: CompressedFormat, message: string, offset?: number, cause?: unknown): FormatError {
  return new FormatError(`The ${NAMES[format]} file is damaged: ${message}`, offset, { cause });
}
