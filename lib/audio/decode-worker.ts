/**
 * The thread in which one compressed file is decoded. A thread of its own keeps the event loop free, swallows what the
 * decoders print, and can be stopped when hostile input sends one of them round in circles.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { MultiChannelAudio } from "./audio.js";
import { downmix } from "./audio.js";
import { DamagedStream } from "./damaged-stream.js";
import { decodeStream, TooManySamples } from "./decode-stream.js";
import type { CompressedFormat } from "./stream-decoders.js";

/** What the thread is started with. */
export interface DecodeTask {
  readonly format: CompressedFormat;
  /** Mix the channels into one. */
  readonly mono: boolean;
  /** Most samples over all channels. */
  readonly maxSamples: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What the thread sends: signs of life, and at the end one of the others. */
export type DecodeMessage =
  | { readonly kind: "progress" }
  | { readonly kind: "audio"; readonly audio: MultiChannelAudio }
  | { readonly kind: "damage"; readonly message: string; readonly offset?: number; readonly cause: unknown }
  | { readonly kind: "too-long" };

const PROGRESS_INTERVAL_MS = 500;

async function decode(task: DecodeTask, report: (message: DecodeMessage) => void): Promise<void> {
  const { format, mono, maxSamples, bytes } = task;
  let lastReport = Date.now();
  const onProgress = () => {
    if (Date.now() - lastReport < PROGRESS_INTERVAL_MS) return;
    lastReport = Date.now();
    report({ kind: "progress" });
  };
  try {
    const audio = await decodeStream(format, bytes, { maxSamples, onProgress });
    report({ kind: "audio", audio: mono ? { ...audio, channels: [downmix(audio).samples] } : audio });
  } catch (cause) {
    if (cause instanceof TooManySamples) return report({ kind: "too-long" });
    if (cause instanceof DamagedStream)
      return report({ kind: "damage", message: cause.message, offset: cause.offset, cause });
    const reason = cause instanceof Error ? cause.message : String(cause);
    report({ kind: "damage", message: `the decoder failed (${reason})`, cause });
  }
}

const port = parentPort;
if (port) {
  void decode(workerData as DecodeTask, (message) => {
    const owned = message.kind === "audio" ? message.audio.channels.map(({ buffer }) => buffer as ArrayBuffer) : [];
    port.postMessage(message, owned);
  });
}
