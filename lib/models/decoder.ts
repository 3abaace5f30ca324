/** The convolutional decoder (of the Descript Audio Codec): latent frames to samples. */
import type { Value } from "../graph/graph.js";
import { tanh } from "../graph/ops/index.js";
import {
  type Context,
  Conv1d,
  ConvTranspose1d,
  contextOf,
  type Level,
  type Passage,
  type Scope,
  Snake,
} from "../nn/index.js";
import { product } from "./config.js";
import { type Middle, MOST_MIDDLE_ROWS } from "./middle.js";
import { type BlockStyle, ResidualUnit } from "./residual-unit.js";

/** Rows that sequences of whole frames lack at their end, before and after a block. */
interface Missing {
  readonly before: number;
  readonly after: number;
}

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
    missing: Missing,
  ) {
    this.snake = new Snake(scope.at("block", 0), channels);
    this.up = new ConvTranspose1d(scope.at("block", 1), channels, channels / 2, 2 * rate, {
      stride: rate,
      padding: Math.ceil(rate / 2),
      causal: style.causal,
      missing: missing.before,
    });
    const unit = (d: number, i: number) =>
      new ResidualUnit(scope.at("block", i + 2), channels / 2, d, rowsPerFrame, style, missing.after);
    this.units = style.dilations.map(unit);
  }

  forward(x: Value, passage?: Passage): Value {
    const raised = x.graph.segment(() => this.up.forward(this.snake.forward(x), passage));
    return this.units.reduce((value, unit) => unit.forward(value, passage), raised);
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
    private readonly style: BlockStyle,
  ) {
    const { causal } = style;
    this.first = new Conv1d(scope.at("model", 0), latent, channels, 7, { padding: 3, causal });
    const missing = (blocks: number) => missingAfter(rates.slice(0, blocks), causal);
    this.blocks = rates.map((r, i) => {
      const rowsPerFrame = product(rates.slice(0, i + 1));
      const rows = { before: missing(i), after: missing(i + 1) };
      return new DecoderBlock(scope.at("model", i + 1), channels / 2 ** i, r, rowsPerFrame, style, rows);
    });
    const narrow = channels / 2 ** rates.length;
    this.snake = new Snake(scope.at("model", rates.length + 1), narrow);
    this.last = new Conv1d(scope.at("model", rates.length + 2), narrow, 1, 7, {
      padding: 3,
      causal,
      gain: 0.03,
      missing: missing(rates.length),
    });
    this.split = middleOf(rates, causal);
    this.middle = { rowsPerFrame: product(rates.slice(0, this.split)), channels: channels / 2 ** this.split };
  }

  /** Of all frames, of the next ones of a stream, or of several items one after the other. */
  forward(latent: Value, passage?: Passage): Value {
    return this.back(this.front(latent, passage), passage);
  }

  /** The first part: (B, frames, latent) -> (B, rows, channels). */
  front(latent: Value, passage?: Passage): Value {
    const first = this.first.forward(latent, passage);
    return this.blocks.slice(0, this.split).reduce((x, block) => block.forward(x, passage), first);
  }

  /** The second part: (B, rows, channels) -> (B, samples, 1). */
  back(rows: Value, passage?: Passage): Value {
    const features = this.blocks.slice(this.split).reduce((x, block) => block.forward(x, passage), rows);
    return tanh(this.last.forward(this.snake.forward(features), passage));
  }

  /** Samples per frame. */
  get samplesPerFrame(): number {
    return product(this.rates);
  }

  /** By how many samples a sequence falls short of its frames. */
  get missingSamples(): number {
    return missingAfter(this.rates, this.style.causal);
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

/** Odd rates give a row less than they should. */
function missingAfter(rates: readonly number[], causal: boolean): number {
  return causal ? 0 : rates.reduce((missing, rate) => missing * rate + (rate % 2), 0);
}

/** The number of blocks before the middle. Odd rates give a row less than they should, so none may come before. */
function middleOf(rates: readonly number[], causal: boolean): number {
  const many = rates.findIndex((rate, i) => product(rates.slice(0, i + 1)) > MOST_MIDDLE_ROWS || (rate % 2 && !causal));
  return many < 0 ? rates.length : many;
}
