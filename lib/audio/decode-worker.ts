/**
 * The thread in which one compressed file is decoded, part by part as they are asked for. A thread of its own keeps the
 * event loop free, swallows what the decoders print, and can be stopped when hostile input sends one of them round in
 * circles.
 */
import { parentPort, workerData } from "node:worker_threads";
import { downmix } from "./audio.js";
import { explainDamage } from "./damaged-stream.js";
import { decodeStream } from "./decode-stream.js";
import { joinParts, type SoundPart } from "./sound-part.js";
import type { CompressedFormat } from "./stream-decoders.js";
import { bytesInMemory, bytesOfFile } from "./sync-bytes.js";

/** What the thread is started with. */
export interface DecodeTask {
  readonly format: CompressedFormat;
  /** Mix the channels into one. */
  readonly mono: boolean;
  /** The stream, or the file that holds it. */
  readonly input: Uint8Array<ArrayBuffer> | string;
  /** The byte of the file at which the stream begins. */
  readonly start: number;
}

/** What the thread sends: signs of life, and for every message that it gets one of the others. */
export type DecodeMessage =
  | { readonly kind: "progress" }
  | ({ readonly kind: "part" } & SoundPart)
  | { readonly kind: "end" }
  | { readonly kind: "damage"; readonly message: string; readonly offset?: number; readonly cause: unknown };

const PROGRESS_INTERVAL_MS = 500;
/** Of the parts that are sent. */
const PART_FRAMES = 1 << 16;

async function* answers({ format, mono, input, start }: DecodeTask, onProgress: () => void) {
  const bytes = typeof input === "string" ? bytesOfFile(input, start) : bytesInMemory(input);
  let parts: SoundPart[] = [];
  let frames = 0;
  const flush = (): DecodeMessage => {
    const message = { kind: "part" as const, ...joinParts(parts) };
    parts = [];
    frames = 0;
    return message;
  };
  for await (const part of decodeStream(format, bytes)) {
    onProgress();
    if (part.channels.length === 0) continue;
    const { sampleRate, channels } = part;
    parts.push(mono ? { ...part, channels: [downmix({ channels, sampleRate }).samples] } : part);
    frames += channels[0]!.length;
    if (frames >= PART_FRAMES) yield flush();
  }
  if (frames > 0) yield flush();
}

function describeDamage(cause: unknown): DecodeMessage {
  return { kind: "damage", ...explainDamage(cause), cause };
}

const port = parentPort;
if (port) {
  let lastReport = Date.now();
  const iterator = answers(workerData as DecodeTask, () => {
    if (Date.now() - lastReport < PROGRESS_INTERVAL_MS) return;
    lastReport = Date.now();
    port.postMessage({ kind: "progress" });
  });
  port.on("message", async () => {
    const message = await iterator
      .next()
      .then(({ value, done }): DecodeMessage => (done ? { kind: "end" } : value), describeDamage);
    const owned = message.kind === "part" ? message.channels.map(({ buffer }) => buffer as ArrayBuffer) : [];
    port.postMessage(message, owned);
  });
}
