/** The convolutional decoder (of the Descript Audio Codec): latent frames to samples. */
import type { Value } from "../graph/graph.js";
import { tanh } from "../graph/ops/index.js";
import {
  type Context,
  Conv1d,
  ConvTranspose1d,
  contextOf,
  type Level,
  type Scope,
  Snake,
  type StreamStep,
} from "../nn/index.js";
import { product } from "./config.js";
import { type Middle, MOST_MIDDLE_ROWS } from "./middle.js";
import { type BlockStyle, ResidualUnit } from "./residual-unit.js";

/** A transposed convolution that halves the width, then three residual units. */
class DecoderBlock {
  private readonly snake: Snake;
  private readonly up: ConvTranspose1d;
  private readonly units: readonly ResidualUnit[];

  constructor(
    scope: Scope,
    channels: number,
    rate: number,
    private readonly rowsPerFrame: number,
    style: BlockStyle,
  ) {
    this.snake = new Snake(scope.at("block", 0), channels);
    this.up = new ConvTranspose1d(scope.at("block", 1), channels, channels / 2, 2 * rate, {
      stride: rate,
      padding: Math.ceil(rate / 2),
      causal: style.causal,
    });
    const unit = (d: number, i: number) =>
      new ResidualUnit(scope.at("block", i + 2), channels / 2, d, rowsPerFrame, style);
    this.units = style.dilations.map(unit);
  }

  forward(x: Value, step?: StreamStep): Value {
    const raised = x.graph.segment(() => this.up.forward(this.snake.forward(x), step));
    return this.units.reduce((value, unit) => unit.forward(value, step), raised);
  }

  get levels(): Level[] {
    return [{ layer: this.up, rowsPerFrame: this.rowsPerFrame }, ...this.units.map((unit) => unit.level)];
  }
}

/**
 * (B, frames, latent) -> (B, samples, 1), samples a little less than frames times the product of the rates. In two parts:
 * most of the context lies in the first, most of the work in the second.
 */
export class Decoder {
  readonly middle: Middle;
  private readonly first: Conv1d;
  private readonly blocks: readonly DecoderBlock[];
  private readonly snake: Snake;
  private readonly last: Conv1d;
  /** Blocks of the first part. */
  private readonly split: number;

  constructor(
    scope: Scope,
    latent: number,
    channels: number,
    private readonly rates: readonly number[],
    style: BlockStyle,
  ) {
    const { causal } = style;
    this.first = new Conv1d(scope.at("model", 0), latent, channels, 7, { padding: 3, causal });
    this.blocks = rates.map((r, i) => {
      const rowsPerFrame = product(rates.slice(0, i + 1));
      return new DecoderBlock(scope.at("model", i + 1), channels / 2 ** i, r, rowsPerFrame, style);
    });
    const narrow = channels / 2 ** rates.length;
    this.snake = new Snake(scope.at("model", rates.length + 1), narrow);
    this.last = new Conv1d(scope.at("model", rates.length + 2), narrow, 1, 7, { padding: 3, causal, gain: 0.03 });
    this.split = middleOf(rates, causal);
    this.middle = { rowsPerFrame: product(rates.slice(0, this.split)), channels: channels / 2 ** this.split };
  }

  /** Of all frames, or of the next ones of a stream. */
  forward(latent: Value, step?: StreamStep): Value {
    return this.back(this.front(latent, step), step);
  }

  /** The first part: (B, frames, latent) -> (B, rows, channels). */
  front(latent: Value, step?: StreamStep): Value {
    const first = this.first.forward(latent, step);
    return this.blocks.slice(0, this.split).reduce((x, block) => block.forward(x, step), first);
  }

  /** The second part: (B, rows, channels) -> (B, samples, 1). */
  back(rows: Value, step?: StreamStep): Value {
    const features = this.blocks.slice(this.split).reduce((x, block) => block.forward(x, step), rows);
    return tanh(this.last.forward(this.snake.forward(features), step));
  }

  /** Samples per frame. */
  get samplesPerFrame(): number {
    return product(this.rates);
  }

  /** Frames around a frame that its samples depend on. */
  context(): Context {
    return contextOf([...this.frontLevels, ...this.backLevels]);
  }

  /** The same of each part, for itself. */
  partContexts(): { front: Context; back: Context } {
    return { front: contextOf(this.frontLevels), back: contextOf(this.backLevels) };
  }

  private get frontLevels(): Level[] {
    return [
      { layer: this.first, rowsPerFrame: 1 },
      ...this.blocks.slice(0, this.split).flatMap((block) => block.levels),
    ];
  }

  private get backLevels(): Level[] {
    return [
      ...this.blocks.slice(this.split).flatMap((block) => block.levels),
      { layer: this.last, rowsPerFrame: this.samplesPerFrame },
    ];
  }
}

/** The number of blocks before the middle. Odd rates give a row less than they should, so none may come before. */
function middleOf(rates: readonly number[], causal: boolean): number {
  const many = rates.findIndex((rate, i) => product(rates.slice(0, i + 1)) > MOST_MIDDLE_ROWS || (rate % 2 && !causal));
  return many < 0 ? rates.length : many;
}
