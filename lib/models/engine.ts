/** A model with weights on a device: codes from samples and samples from codes, for any length, with exact seams. */
import type { Device } from "../graph/device.js";
import { Graph, type Value } from "../graph/graph.js";
import { slice } from "../graph/ops/index.js";
import type { Plan } from "../graph/plan.js";
import { PlanCache } from "../graph/plan-cache.js";
import type { Precision } from "../graph/precision.js";
import { type Context, widest } from "../nn/index.js";
import { samplesPerFrame } from "./config.js";
import type { Decoder } from "./decoder.js";
import type { LmSpt } from "./lmspt.js";
import { windows } from "./windows.js";

/** Frames that a long file is processed in at a time, if their context leaves room: 30 s at 12.5 Hz. */
const WINDOW_FRAMES = 375;
const CACHED_PLANS = 8;

export interface Progress {
  readonly signal?: AbortSignal;
  /** Called after each piece of work with the number of frames done. */
  readonly onFrames?: (done: number) => void;
}

/** What of the codes is decoded, and by which decoder. */
export interface DecodeSelection {
  readonly decoder: "main" | "aux";
  /** Codebooks that take part; 0 leaves a kind out. */
  readonly semantic: number;
  readonly acoustic: number;
}

export class ModelEngine {
  readonly samplesPerFrame: number;
  private readonly plans = new PlanCache<Plan<"y">>(CACHED_PLANS);

  constructor(
    private readonly model: LmSpt,
    private readonly device: Device,
    private readonly precision: Precision = "fp32",
  ) {
    this.samplesPerFrame = samplesPerFrame(model.config);
  }

  /** Samples, completed to whole frames by zeros -> K codebooks of codes, the semantic ones first. */
  async encode(samples: Float32Array, progress: Progress): Promise<Int32Array[]> {
    const frames = Math.ceil(samples.length / this.samplesPerFrame);
    const codebooks = Array.from({ length: this.model.config.n_codebooks }, () => new Int32Array(frames));
    const context = widest(this.model.semanticEncoder.context(), this.model.acousticEncoder.context());
    for (const { start, length, from, to } of this.windows(frames, context)) {
      progress.signal?.throwIfAborted();
      const plan = await this.plans.get(`encode ${length}`, () => this.encodePlan(length));
      const audio = new Float32Array(length * this.samplesPerFrame);
      audio.set(samples.subarray(start * this.samplesPerFrame, (start + length) * this.samplesPerFrame));
      const { y: codes } = await plan.run({ audio });
      for (const [k, codebook] of codebooks.entries()) {
        for (let frame = from; frame < to; frame++) {
          codebook[frame] = codes[(frame - start) * codebooks.length + k]!;
        }
      }
      progress.onFrames?.(to);
    }
    return codebooks;
  }

  /**
   * Codes of `frames` frames, of all codebooks -> `samples` samples. The decoder's stack gives a few samples less than
   * whole frames; what is missing at the very end is silence.
   */
  async decode(
    codebooks: readonly Int32Array[],
    samples: number,
    selection: DecodeSelection,
    progress: Progress,
  ): Promise<Float32Array> {
    const decoder = this.decoder(selection);
    const frames = codebooks[0]?.length ?? 0;
    const result = new Float32Array(samples);
    for (const { start, length, from, to } of this.windows(frames, decoder.context())) {
      progress.signal?.throwIfAborted();
      const { decoder: name, semantic, acoustic } = selection;
      const plan = await this.plans.get(`${name} ${semantic} ${acoustic} ${length}`, () =>
        this.decodePlan(selection, length),
      );
      const { y: speech } = await plan.run({ codes: interleave(codebooks, start, length) });
      const place = from * decoder.samplesPerFrame;
      const end = Math.min(samples, to * decoder.samplesPerFrame);
      const offset = start * decoder.samplesPerFrame;
      result.set((speech as Float32Array).subarray(place - offset, Math.max(place, end) - offset), place);
      progress.onFrames?.(to);
    }
    return result;
  }

  /** Gives the memory of the plans back; the model stays as it is. Nothing may be under way. */
  async close(): Promise<void> {
    for (const made of await Promise.allSettled(this.plans.drain())) {
      if (made.status === "fulfilled") made.value.close();
    }
  }

  private decoder({ decoder }: DecodeSelection): Decoder {
    return decoder === "aux" ? this.model.auxDecoder : this.model.decoder;
  }

  private windows(frames: number, context: Context) {
    return windows(frames, Math.max(WINDOW_FRAMES, 4 * (context.before + context.after + context.alignment)), context);
  }

  private encodePlan(frames: number): Promise<Plan<"y">> {
    const graph = new Graph();
    const audio = graph.input("audio", [1, frames * this.samplesPerFrame, 1]);
    return graph.compile(this.device, { y: this.model.encode(audio) }, [], { precision: this.precision });
  }

  private decodePlan(selection: DecodeSelection, frames: number): Promise<Plan<"y">> {
    const graph = new Graph();
    const { n_codebooks: total, n_semantic_codebooks: firstAcoustic } = this.model.config;
    const codes = graph.input("codes", [1, frames, total], "i32");
    const part = (start: number, count: number): Value | undefined =>
      count > 0 ? slice(codes, 2, start, count) : undefined;
    const semantic = part(0, selection.semantic);
    const y =
      selection.decoder === "aux"
        ? this.model.decodeAux(semantic!)
        : this.model.decode(semantic, part(firstAcoustic, selection.acoustic));
    return graph.compile(this.device, { y }, [], { precision: this.precision });
  }
}

/** Frames [start, start + length) of K codebooks as (length, K). */
function interleave(codebooks: readonly Int32Array[], start: number, length: number): Int32Array {
  const result = new Int32Array(length * codebooks.length);
  for (const [k, codebook] of codebooks.entries()) {
    for (let i = 0; i < length; i++) result[i * codebooks.length + k] = codebook[start + i]!;
  }
  return result;
}
