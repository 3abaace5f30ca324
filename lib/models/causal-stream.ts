/**
 * Streams through a causal model: every whole frame that is pushed comes out at once, with the bits that encoding or
 * decoding everything at once would give. Calls take effect in the order in which they are made, also without waiting;
 * after one has failed, the stream refuses more until it is reset or restored.
 */
import { invalidArgument, LmsptError } from "../errors.js";
import type { Plan } from "../graph/plan.js";
import { type CausalPlans, checkPast, type Past } from "./causal-plans.js";
import { type ModelConfig, samplesPerFrame } from "./config.js";
import type { DecodeSelection } from "./engine.js";

/** What a stream remembers; none of it grows. Plain data, which may be kept, cloned and restored any number of times. */
export interface StreamSnapshot {
  readonly past: Past;
  /** Samples of a frame that is not whole yet. */
  readonly pending: Float32Array;
}

const BEGINNING: StreamSnapshot = { past: {}, pending: new Float32Array() };

/** Frames computed at a time where many are pushed together. */
const STEP_LENGTHS = [16, 8, 4, 2, 1];

abstract class CausalStream {
  protected state = BEGINNING;
  private finished = false;
  private latest: Promise<unknown> = Promise.resolve();

  constructor(protected readonly plans: CausalPlans) {}

  /** What the stream remembers after everything that was pushed before. */
  snapshot(): Promise<StreamSnapshot> {
    return this.inOrder(async () => structuredClone(this.state));
  }

  /** Goes on from a snapshot of any stream of this kind and model, whatever happened here before. */
  async restore(snapshot: StreamSnapshot): Promise<void> {
    if (!snapshot?.past) throw invalidArgument("the snapshot", "what snapshot() gave", snapshot);
    const { past, pending } = structuredClone(snapshot);
    return this.anew(async () => {
      await this.usePlan((plan) => checkPast(plan, past));
      this.checkPending(pending);
      this.state = { past, pending };
    });
  }

  /** Begins another stream. */
  reset(): Promise<void> {
    return this.anew(async () => {
      this.state = BEGINNING;
    });
  }

  /** Works with the plan of one frame. */
  protected abstract usePlan(work: (plan: Plan) => void): Promise<void>;
  /** Samples of a frame that is not whole, at most. */
  protected abstract readonly mostPending: number;

  protected advance<T>(work: () => Promise<T>, last = false): Promise<T> {
    return this.inOrder(async () => {
      if (this.finished) throw new LmsptError("ERR_LMSPT_CLOSED", "The stream is finished; reset it to begin another");
      const result = await work();
      this.finished = last;
      return result;
    });
  }

  private inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.latest.then(work);
    this.latest = result;
    return result;
  }

  private checkPending(pending: Float32Array): void {
    if (pending instanceof Float32Array && pending.length <= this.mostPending) return;
    throw invalidArgument("the snapshot's pending samples", `a Float32Array of at most ${this.mostPending}`, pending);
  }

  private anew(work: () => Promise<void>): Promise<void> {
    this.latest = this.latest.catch(() => undefined);
    return this.inOrder(async () => {
      await work();
      this.finished = false;
    });
  }
}

/** Samples to codes. */
export class CausalEncoder extends CausalStream {
  /** Any number of samples -> K codebooks of the codes of the frames that became whole, the semantic ones first. */
  async push(samples: Float32Array): Promise<Int32Array[]> {
    const copy = checkSamples(samples).slice();
    return this.advance(() => this.encode(copy));
  }

  /** Completes the last frame with silence, if it has begun, and ends the stream. */
  async finish(): Promise<Int32Array[]> {
    return this.advance(() => {
      const begun = this.state.pending.length;
      return this.encode(new Float32Array(begun > 0 ? this.samplesPerFrame - begun : 0));
    }, true);
  }

  protected usePlan(work: (plan: Plan) => void): Promise<void> {
    return this.plans.useEncoding(1, work);
  }

  protected get mostPending(): number {
    return this.samplesPerFrame - 1;
  }

  private get samplesPerFrame(): number {
    return samplesPerFrame(this.plans.model.config);
  }

  private async encode(samples: Float32Array): Promise<Int32Array[]> {
    const hop = this.samplesPerFrame;
    const audio = join(this.state.pending, samples);
    const frames = Math.floor(audio.length / hop);
    const codebooks = Array.from({ length: this.plans.model.config.n_codebooks }, () => new Int32Array(frames));
    let { past } = this.state;
    for (const { start, end } of steps(frames)) {
      const step = await this.plans.encode(end - start, audio.subarray(start * hop, end * hop), past);
      for (const [k, codebook] of codebooks.entries()) {
        for (let i = start; i < end; i++) codebook[i] = step.y[(i - start) * codebooks.length + k]!;
      }
      past = step.past;
    }
    this.state = { past, pending: audio.slice(frames * hop) };
    return codebooks;
  }
}

/** Codes to samples, by the main decoder: the auxiliary one is never causal. */
export class CausalDecoder extends CausalStream {
  /** Throws ERR_LMSPT_UNSUPPORTED for the auxiliary decoder, ERR_LMSPT_INVALID_ARGUMENT for codebooks there are not. */
  constructor(
    plans: CausalPlans,
    private readonly selection: DecodeSelection,
  ) {
    super(plans);
    checkSelection(selection, plans.model.config);
  }

  /** Codes of as many frames of every codebook, the semantic ones first -> the samples of these frames. */
  async push(codebooks: readonly Int32Array[]): Promise<Float32Array> {
    const codes = this.interleave(codebooks);
    return this.advance(() => this.decode(codes));
  }

  /** Ends the stream; nothing was held back. */
  async finish(): Promise<Float32Array> {
    return this.advance(async () => new Float32Array(), true);
  }

  protected readonly mostPending = 0;

  protected usePlan(work: (plan: Plan) => void): Promise<void> {
    return this.plans.useDecoding(1, this.selection, work);
  }

  private async decode(codes: Int32Array): Promise<Float32Array> {
    const { model } = this.plans;
    const { n_codebooks: count } = model.config;
    const { samplesPerFrame } = model.decoder;
    const frames = codes.length / count;
    const speech = new Float32Array(frames * samplesPerFrame);
    let { past } = this.state;
    for (const { start, end } of steps(frames)) {
      const part = codes.subarray(start * count, end * count);
      const step = await this.plans.decode(end - start, part, this.selection, past);
      speech.set(step.y, start * samplesPerFrame);
      past = step.past;
    }
    this.state = { ...this.state, past };
    return speech;
  }

  /** K codebooks as (frames, K). */
  private interleave(codebooks: readonly Int32Array[]): Int32Array {
    const { n_codebooks: count, n_semantic_codebooks: semantic, ...config } = this.plans.model.config;
    const frames = codebooks[0]?.length ?? 0;
    if (
      codebooks.length !== count ||
      codebooks.some((codebook) => !(codebook instanceof Int32Array && codebook.length === frames))
    ) {
      throw invalidArgument("codes", `${count} codebooks, Int32Arrays of as many frames,`, codebooks);
    }
    const codes = new Int32Array(frames * count);
    for (const [k, codebook] of codebooks.entries()) {
      const size = k < semantic ? config.semantic_codebook_size : config.acoustic_codebook_size;
      for (let i = 0; i < frames; i++) {
        const code = codebook[i]!;
        if (!(code >= 0 && code < size)) throw invalidArgument(`a code of codebook ${k}`, `0 to ${size - 1}`, code);
        codes[i * count + k] = code;
      }
    }
    return codes;
  }
}

/** The largest steps that make `frames`, so that few plans serve all numbers of frames. */
function* steps(frames: number): Generator<{ start: number; end: number }> {
  let start = 0;
  for (const length of STEP_LENGTHS) {
    for (; frames - start >= length; start += length) yield { start, end: start + length };
  }
}

function checkSamples(samples: Float32Array): Float32Array {
  if (!(samples instanceof Float32Array)) throw invalidArgument("samples", "a Float32Array", samples);
  const wrong = samples.findIndex((sample) => !Number.isFinite(sample));
  if (wrong >= 0) throw invalidArgument("samples", "finite samples", `${samples[wrong]} at sample ${wrong}`);
  return samples;
}

function checkSelection({ decoder, semantic, acoustic }: DecodeSelection, config: ModelConfig): void {
  if (decoder !== "main") {
    const message = "The auxiliary decoder looks at frames to come, also in a causal model; decode in windows";
    throw new LmsptError("ERR_LMSPT_UNSUPPORTED", message);
  }
  const { n_codebooks: all, n_semantic_codebooks: most } = config;
  if (!isCount(semantic, most)) throw invalidArgument("semantic codebooks", `0 to ${most}`, semantic);
  if (!isCount(acoustic, all - most)) throw invalidArgument("acoustic codebooks", `0 to ${all - most}`, acoustic);
  if (semantic + acoustic === 0) throw invalidArgument("codebooks", "at least one", 0);
}

function isCount(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}

function join(a: Float32Array, b: Float32Array): Float32Array {
  const joined = new Float32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
