import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { FormatError, LmsptError } from "../errors.js";
import type { MultiChannelAudio } from "./audio.js";
import type { DecodeMessage, DecodeTask } from "./decode-worker.js";
import type { CompressedFormat } from "./stream-decoders.js";

const NAMES: Record<CompressedFormat, string> = { flac: "FLAC", mp3: "MP3", vorbis: "Ogg Vorbis", opus: "Ogg Opus" };
const STALL_MS = 30_000;
/** 4 GiB of samples: three hours of stereo at 48 kHz. */
const MAX_SAMPLES = 2 ** 30;

/**
 * Decodes a compressed file in a thread of its own.
 *
 * @param options.mono mix the channels into one; default false
 * @param options.start the byte of the file at which `bytes` begins, for the offsets of errors; default 0
 * @param options.maxSamples most samples over all channels; default 2^30
 * @param options.stallMs a decoder that shows no progress for so long is stopped; default 30 000
 * @throws FormatError when the file is damaged (`cause` holds the decoder's error); LmsptError `ERR_LMSPT_UNSUPPORTED`
 * above `maxSamples`; `signal.reason` on abort
 */
export async function decodeCompressed(
  format: CompressedFormat,
  bytes: Uint8Array,
  options: { mono?: boolean; start?: number; maxSamples?: number; stallMs?: number; signal?: AbortSignal } = {},
): Promise<MultiChannelAudio> {
  const { mono = false, start = 0, maxSamples = MAX_SAMPLES, stallMs = STALL_MS, signal } = options;
  signal?.throwIfAborted();
  const task: DecodeTask = { format, mono, maxSamples, bytes: new Uint8Array(bytes) };
  const worker = new Worker(join(__dirname, "decode-worker.js"), {
    workerData: task,
    transferList: [task.bytes.buffer],
    execArgv: [],
    stdout: true,
    stderr: true,
  });
  let watchdog: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<MultiChannelAudio>((resolve, reject) => {
      watchdog = setTimeout(() => reject(damaged(format, `the decoder got stuck for ${stallMs} ms`)), stallMs);
      onAbort = () => reject(signal!.reason);
      signal?.addEventListener("abort", onAbort);
      worker.on("message", (message: DecodeMessage) => {
        if (message.kind === "progress") watchdog!.refresh();
        else if (message.kind === "audio") resolve(message.audio);
        else if (message.kind === "too-long") reject(tooLong(format, maxSamples));
        else reject(damaged(format, message.message, message.offset && start + message.offset, message.cause));
      });
      worker.on("error", (error) => reject(damaged(format, error.message, undefined, error)));
      worker.on("exit", () => reject(damaged(format, "the decoder stopped without a result")));
    });
  } finally {
    clearTimeout(watchdog);
    if (onAbort) signal?.removeEventListener("abort", onAbort);
    await worker.terminate();
  }
}

function tooLong(format: CompressedFormat, maxSamples: number): LmsptError {
  return new LmsptError(
    "ERR_LMSPT_UNSUPPORTED",
    `The ${NAMES[format]} file decodes to more than ${maxSamples} samples; convert it to WAV, which is read in parts`,
  );
}

function damaged(format: CompressedFormat, message: string, offset?: number, cause?: unknown): FormatError {
  return new FormatError(`The ${NAMES[format]} file is damaged: ${message}`, offset, { cause });
}
