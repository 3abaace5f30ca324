/**
 * The stages of a model on a device, with plans for every length: its encoders and decoders, each in two parts that long
 * sequences flow through in windows, and each as one stage, for what is short enough to go through as a whole. The results
 * are the same.
 */
import type { Device } from "../graph/device.js";
import { Graph, type Value } from "../graph/graph.js";
import type { Data } from "../graph/native.js";
import { slice } from "../graph/ops/index.js";
import type { Plan } from "../graph/plan.js";
import { PlanCache } from "../graph/plan-cache.js";
import type { Precision } from "../graph/precision.js";
import { Ragged, widest } from "../nn/index.js";
import { samplesPerFrame } from "./config.js";
import type { Decoder } from "./decoder.js";
import type { LmSpt } from "./lmspt.js";
import type { Middle } from "./middle.js";
import type { FrameShape, Stage } from "./stages.js";

/** Of windows and whole items, one for each length and batch, which are seldom met again. */
const CACHED_PLANS = 32;
/** Of items of different lengths, which come in at most 41 sizes for each thing to do. */
const CACHED_RAGGED_PLANS = 64;
/** Frames that a window gives: on the side of the samples a frame takes about a megabyte of memory. */
const SAMPLES_STEP = 96;
const LATENT_STEP = 384;

/** What of the codes is decoded, and by which decoder. */
export interface DecodeSelection {
  readonly decoder: "main" | "aux";
  /** Codebooks that take part; 0 leaves a kind out. */
  readonly semantic: number;
  readonly acoustic: number;
}

/** A decoder, and how much of the codes it takes. */
interface Decoding {
  readonly name: string;
  readonly decoder: Decoder;
  readonly latent: (codes: Value) => Value;
}

/** Items one after the other, with room for `frames` frames, and the frame behind each item's last -> as many. */
export type RaggedRun = (x: Data, frames: number, ends: Int32Array) => Promise<Data>;

interface StageParts extends Omit<Stage, "run"> {
  readonly name: string;
  /** (B, frames * rows, channels) of the input -> the same of the output. */
  readonly build: (x: Value) => Value;
}

export class ModelStages {
  private readonly plans = new PlanCache<Plan<"y">>(CACHED_PLANS);
  private readonly raggedPlans = new PlanCache<Plan<"y">>(CACHED_RAGGED_PLANS);

  constructor(
    private readonly model: LmSpt,
    private readonly device: Device,
    private readonly precision: Precision,
  ) {}

  /** Samples -> rows -> codes. */
  encoding(): [front: Stage, back: Stage] {
    const { model } = this;
    const { encoders } = model;
    const parts = encoders.map((encoder) => encoder.partContexts());
    const { rowsPerFrame } = encoders[0]!.middle;
    const channels = encoders.reduce((sum, { middle }) => sum + middle.channels, 0);
    const middle = rows({ rowsPerFrame, channels });
    return [
      this.stage({
        name: "encode front",
        context: parts.map(({ front }) => front).reduce(widest),
        input: this.audio(),
        output: middle,
        step: SAMPLES_STEP,
        lacksEnd: false,
        build: (audio) => model.encodeFront(audio),
      }),
      this.stage({
        name: "encode back",
        context: parts.map(({ back }) => back).reduce(widest),
        input: middle,
        output: codes(model.config.n_codebooks),
        step: LATENT_STEP,
        lacksEnd: false,
        build: (x) => model.encodeBack(x),
      }),
    ];
  }

  /** Samples -> codes. What passes between the parts is joined and cut, which keeps it in float32 as between stages. */
  encodingAtOnce(): Stage["run"] {
    return this.runner("encode", this.audio(), (audio) => this.encode(audio));
  }

  /** The same of items of different lengths; what comes behind the last one is arbitrary. */
  encodingRagged(): RaggedRun {
    return this.raggedRunner("encode", this.audio(), (audio, items) => this.encode(audio, items));
  }

  private encode(audio: Value, items?: Ragged): Value {
    return this.model.encodeBack(this.model.encodeFront(audio, items), items);
  }

  private audio(): FrameShape {
    return samples(samplesPerFrame(this.model.config));
  }

  /** Codes of all codebooks -> rows -> samples. */
  decoding(selection: DecodeSelection): [front: Stage, back: Stage] {
    const { name, decoder, latent } = this.decodingOf(selection);
    const { front, back } = decoder.partContexts();
    const middle = rows(decoder.middle);
    return [
      this.stage({
        name: `${name} front`,
        context: front,
        input: codes(this.model.config.n_codebooks),
        output: middle,
        step: LATENT_STEP,
        lacksEnd: false,
        build: (x) => decoder.front(latent(x)),
      }),
      this.stage({
        name: `${selection.decoder} back`,
        context: back,
        input: middle,
        output: samples(decoder.samplesPerFrame),
        step: SAMPLES_STEP,
        lacksEnd: true,
        build: (x) => decoder.back(x),
      }),
    ];
  }

  /** Codes of all codebooks -> samples. Cutting nothing off keeps what passes between the parts in float32. */
  decodingAtOnce(selection: DecodeSelection): Stage["run"] {
    const decoding = this.decodingOf(selection);
    return this.runner(decoding.name, codes(this.model.config.n_codebooks), (x) => decodeWhole(decoding, x));
  }

  /** The same of items of different lengths, each with all samples of its frames; arbitrary are those that it lacks alone. */
  decodingRagged(selection: DecodeSelection): RaggedRun {
    const decoding = this.decodingOf(selection);
    const { n_codebooks } = this.model.config;
    return this.raggedRunner(decoding.name, codes(n_codebooks), (x, items) => decodeWhole(decoding, x, items));
  }

  private decodingOf({ decoder: which, semantic, acoustic }: DecodeSelection): Decoding {
    const { model } = this;
    const { n_semantic_codebooks: firstAcoustic } = model.config;
    const part = (x: Value, start: number, count: number): Value | undefined =>
      count > 0 ? slice(x, 2, start, count) : undefined;
    return {
      name: `${which} ${semantic} ${acoustic}`,
      decoder: which === "aux" ? model.auxDecoder : model.decoder,
      latent: (x) => model.dequantize(part(x, 0, semantic), part(x, firstAcoustic, acoustic)),
    };
  }

  /** Gives the memory of the plans back; the model stays as it is. */
  close(): void {
    this.plans.clear();
    this.raggedPlans.clear();
  }

  private stage({ name, build, ...stage }: StageParts): Stage {
    return { ...stage, run: this.runner(name, stage.input, build) };
  }

  /** Runs the plan of a length and a batch, which is made where there is none. */
  private runner(name: string, input: FrameShape, build: (x: Value) => Value): Stage["run"] {
    return (x, frames, batch) =>
      this.plans.use(
        `${name} ${frames} ${batch}`,
        () => this.compile((graph) => build(inputOf(graph, input, frames, batch))),
        async (plan) => (await plan.run({ x })).y,
      );
  }

  /** Runs the plan of a room and a number of items, which is made where there is none. */
  private raggedRunner(name: string, input: FrameShape, build: (x: Value, items: Ragged) => Value): RaggedRun {
    const record = (graph: Graph, frames: number, items: number) => {
      const ends = graph.input("ends", [items], "i32");
      return build(inputOf(graph, input, frames, 1), new Ragged(ends, frames));
    };
    return (x, frames, ends) =>
      this.raggedPlans.use(
        `${name} ${frames} ${ends.length}`,
        () => this.compile((graph) => record(graph, frames, ends.length)),
        async (plan) => (await plan.run({ x, ends })).y,
      );
  }

  private async compile(record: (graph: Graph) => Value): Promise<Plan<"y">> {
    const graph = new Graph();
    try {
      return await graph.compile(this.device, { y: record(graph) }, [], { precision: this.precision });
    } finally {
      graph.close();
    }
  }
}

function inputOf(graph: Graph, { rows, channels, type }: FrameShape, frames: number, batch: number): Value {
  return graph.input("x", [batch, frames * rows, channels], type === Int32Array ? "i32" : "f32");
}

function decodeWhole({ decoder, latent }: Decoding, codes: Value, items?: Ragged): Value {
  const middle = decoder.front(latent(codes), items);
  return decoder.back(slice(middle, 1, 0, middle.dim(1)), items);
}

function samples(perFrame: number): FrameShape {
  return { rows: perFrame, channels: 1, type: Float32Array };
}

function rows({ rowsPerFrame, channels }: Middle): FrameShape {
  return { rows: rowsPerFrame, channels, type: Float32Array };
}

function codes(codebooks: number): FrameShape {
  return { rows: 1, channels: codebooks, type: Int32Array };
}
