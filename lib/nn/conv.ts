/** Weight-normalised convolutions, plain or causal. */
import { invalidArgument } from "../errors.js";
import type { Value } from "../graph/graph.js";
import { type Conv1dOptions, conv1d, convTranspose1d, weightNorm } from "../graph/ops/index.js";
import type { CuttableLayer, Loss } from "./cut.js";
import type { Parameter, Scope } from "./parameter.js";
import type { Passage } from "./passage.js";
import { Ragged } from "./ragged.js";
import { notCausal } from "./stream-step.js";

/** Scales of random weights relative to one that keeps the variance. */
export interface Gains {
  /** Of random weights for trials; 1 by default. */
  readonly gain?: number;
  /** Of the weights that training begins with; `gain` by default, and START_GAIN where that is not given either. */
  readonly start?: number;
}

export interface ConvOptions extends Gains {
  readonly stride?: number;
  readonly dilation?: number;
  /** Of plain convolutions: parts of the channels that do not meet; 1 by default. */
  readonly groups?: number;
  /** Rows of zeros on each side; causal convolutions choose their own. */
  readonly padding?: number;
  readonly causal?: boolean;
  /** By the fast algorithm in blocks of `4 * dilation` rows; see Conv1dAlgorithm. */
  readonly winograd?: boolean;
  /** In float32 whatever the plan's precision. */
  readonly exact?: boolean;
  /** Rows that whole frames of x should have but its last one lacks. */
  readonly missing?: number;
}

/**
 * With 1, what deep stacks make of their input grows from Snake to Snake, until their waves turn gradients into noise: a
 * tokenizer then does not learn even one sentence by heart.
 */
const START_GAIN = 0.5;

/** w = g v / ||v||, and a bias. */
export class NormedWeight {
  private readonly v: Parameter;
  private readonly g: Parameter;
  private readonly b: Parameter;

  constructor(scope: Scope, shape: readonly [number, ...number[]], fanIn: number, outputs: number, gains: Gains) {
    const [rows, ...others] = shape;
    const { gain = 1, start = gains.gain ?? START_GAIN } = gains;
    this.v = scope.parameter("weight_v", shape, { kind: "normal", deviation: 1 / Math.sqrt(fanIn) });
    this.g = scope.parameter("weight_g", [rows, ...others.map(() => 1)], {
      kind: "norms",
      of: this.v.name,
      gain,
      start,
    });
    this.b = scope.parameter("bias", [outputs], { kind: "constant", value: 0 });
  }

  in({ graph }: Value): { weight: Value; bias: Value } {
    return { weight: weightNorm(this.v.in(graph), this.g.in(graph)), bias: this.b.in(graph) };
  }
}

/** A causal layer's convolution is named one level deeper in the published weights. */
function weightScope(scope: Scope, causal: boolean | undefined): Scope {
  return causal ? scope.at("conv") : scope;
}

/** Rows that the fast algorithm gives at a time, and taps that it takes at a time, `dilation` apart. */
const WINOGRAD = { outputs: 4, taps: 4 };

/** (B, T, inputs) -> (B, T', outputs). */
export class Conv1d implements CuttableLayer {
  private readonly weight: NormedWeight;

  constructor(
    scope: Scope,
    inputs: number,
    outputs: number,
    private readonly kernel: number,
    private readonly options: ConvOptions = {},
  ) {
    const seen = inputs / (options.groups ?? 1);
    const shape = [outputs, seen, kernel] as const;
    this.weight = new NormedWeight(weightScope(scope, options.causal), shape, seen * kernel, outputs, options);
  }

  /** The whole of x, or the next piece of a stream: whole strides of it. */
  forward(x: Value, passage?: Passage): Value {
    const { weight, bias } = this.weight.in(x);
    const { causal, groups, winograd, exact, missing = 0 } = this.options;
    const padding = this.padding(x.dim(1));
    if (!passage || passage instanceof Ragged) {
      const items = this.kernel > 1 || padding.stride > 1 ? passage?.rows(x, missing) : undefined;
      return conv1d(x, weight, bias, { ...padding, groups, winograd, exact, items });
    }
    if (winograd || (!causal && this.kernel > 1)) throw notCausal();
    if (padding.padRight > 0) throw invalidArgument("x", `a multiple of ${padding.stride} rows`, x.dim(1));
    const rows = Math.max(0, padding.padLeft);
    return conv1d(passage.continue(x, rows), weight, bias, {
      ...padding,
      groups,
      padLeft: padding.padLeft - rows,
      exact,
    });
  }

  get blockRows(): number {
    const { winograd, dilation = 1 } = this.options;
    return winograd ? WINOGRAD.outputs * dilation : 1;
  }

  lost({ front, back }: Loss): Loss {
    const { stride, dilation, padLeft } = this.padding(0);
    if (!this.options.winograd) {
      const reach = (this.kernel - 1) * dilation - padLeft;
      return {
        front: Math.ceil((front + padLeft) / stride),
        back: Math.max(0, Math.ceil((back + reach + 1) / stride) - 1),
      };
    }
    const taps = WINOGRAD.taps * Math.ceil(this.kernel / WINOGRAD.taps);
    const reach = (taps + WINOGRAD.outputs - 1) * dilation - padLeft - 1;
    return { front: this.blockRows * Math.ceil((front + padLeft) / this.blockRows), back: back + reach };
  }

  /**
   * Causal: k_eff - stride rows before, and after the end only what completes the last stride, so that the output has
   * ceil(T / stride) rows.
   */
  private padding(length: number): Required<Omit<Conv1dOptions, "length" | "groups" | "items">> {
    const { stride = 1, dilation = 1, padding = 0, causal } = this.options;
    if (!causal) return { stride, dilation, padLeft: padding, padRight: padding };
    const span = (this.kernel - 1) * dilation + 1;
    return { stride, dilation, padLeft: span - stride, padRight: (stride - (length % stride)) % stride };
  }
}

/** (B, T, inputs) -> (B, T', outputs), T' about T * stride. */
export class ConvTranspose1d implements CuttableLayer {
  readonly blockRows = 1;
  private readonly weight: NormedWeight;
  private readonly stride: number;

  constructor(
    scope: Scope,
    inputs: number,
    outputs: number,
    private readonly kernel: number,
    private readonly options: ConvOptions,
  ) {
    this.stride = options.stride ?? 1;
    const shape = [inputs, outputs, kernel] as const;
    const fanIn = inputs * Math.ceil(kernel / this.stride);
    this.weight = new NormedWeight(weightScope(scope, options.causal), shape, fanIn, outputs, options);
  }

  /** The whole of x, or the next piece of a stream. */
  forward(x: Value, passage?: Passage): Value {
    const { weight, bias } = this.weight.in(x);
    const options = { stride: this.stride, ...this.trimming() };
    if (!passage || passage instanceof Ragged) {
      return convTranspose1d(x, weight, bias, { ...options, items: passage?.rows(x, this.options.missing ?? 0) });
    }
    if (!this.options.causal) throw notCausal();
    const rows = Math.ceil(this.kernel / this.stride) - 1;
    return convTranspose1d(passage.continue(x, rows), weight, bias, { ...options, padLeft: rows * this.stride });
  }

  lost({ front, back }: Loss): Loss {
    const { padLeft } = this.trimming();
    return {
      front: Math.max(0, (front - 1) * this.stride + this.kernel - padLeft),
      back: Math.max(0, back * this.stride + padLeft),
    };
  }

  private trimming(): { padLeft: number; padRight: number } {
    const { padding = 0, causal } = this.options;
    return causal ? { padLeft: 0, padRight: this.kernel - this.stride } : { padLeft: padding, padRight: padding };
  }
}
