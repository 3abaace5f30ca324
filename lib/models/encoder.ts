/** The convolutional encoder (of the Descript Audio Codec): samples to latent frames. */
import type { Value } from "../graph/graph.js";
import { type Context, Conv1d, contextOf, type Level, type Passage, type Scope, Snake } from "../nn/index.js";
import { product } from "./config.js";
import { type Middle, MOST_MIDDLE_ROWS } from "./middle.js";
import { type BlockStyle, ResidualUnit } from "./residual-unit.js";

/** Three residual units at the input's width, then a strided convolution that doubles it. */
class EncoderBlock {
  private readonly units: readonly ResidualUnit[];
  private readonly snake: Snake;
  private readonly down: Conv1d;

  constructor(
    scope: Scope,
    channels: number,
    stride: number,
    private readonly rowsPerFrame: number,
    style: BlockStyle,
  ) {
    const unit = (d: number, i: number) =>
      new ResidualUnit(scope.at("block", i), channels, d, stride * rowsPerFrame, style);
    this.units = style.dilations.map(unit);
    const next = this.units.length;
    this.snake = new Snake(scope.at("block", next), channels);
    this.down = new Conv1d(scope.at("block", next + 1), channels, 2 * channels, 2 * stride, {
      stride,
      padding: Math.ceil(stride / 2),
      causal: style.causal,
    });
  }

  forward(x: Value, passage?: Passage): Value {
    const mixed = this.units.reduce((value, unit) => unit.forward(value, passage), x);
    return x.graph.segment(() => this.down.forward(this.snake.forward(mixed), passage));
  }

  get levels(): Level[] {
    return [...this.units.map((unit) => unit.level), { layer: this.down, rowsPerFrame: this.rowsPerFrame }];
  }
}

/** (B, samples, 1) -> (B, frames, latent), in two parts: most of the work lies in the first, most of the context in the second. */
export class Encoder {
  readonly middle: Middle;
  private readonly first: Conv1d;
  private readonly blocks: readonly EncoderBlock[];
  private readonly snake: Snake;
  private readonly last: Conv1d;
  /** Blocks of the first part. */
  private readonly split: number;

  constructor(
    scope: Scope,
    width: number,
    private readonly strides: readonly number[],
    latent: number,
    style: BlockStyle,
  ) {
    const { causal } = style;
    this.first = new Conv1d(scope.at("block", 0), 1, width, 7, { padding: 3, causal });
    this.blocks = strides.map((s, i) => {
      const rowsPerFrame = product(strides.slice(i + 1));
      return new EncoderBlock(scope.at("block", i + 1), width * 2 ** i, s, rowsPerFrame, style);
    });
    const channels = width * 2 ** strides.length;
    this.snake = new Snake(scope.at("block", strides.length + 1), channels);
    this.last = new Conv1d(scope.at("block", strides.length + 2), channels, latent, 3, { padding: 1, causal });
    this.split = middleOf(strides);
    this.middle = { rowsPerFrame: product(strides.slice(this.split)), channels: width * 2 ** this.split };
  }

  /** Of the whole audio, of the next frames of a stream, or of several items one after the other. */
  forward(audio: Value, passage?: Passage): Value {
    return this.back(this.front(audio, passage), passage);
  }

  /** The first part: (B, samples, 1) -> (B, rows, channels). */
  front(audio: Value, passage?: Passage): Value {
    const first = this.first.forward(audio, passage);
    return this.blocks.slice(0, this.split).reduce((x, block) => block.forward(x, passage), first);
  }

  /** The second part: (B, rows, channels) -> (B, frames, latent). */
  back(rows: Value, passage?: Passage): Value {
    const features = this.blocks.slice(this.split).reduce((x, block) => block.forward(x, passage), rows);
    return this.last.forward(this.snake.forward(features), passage);
  }

  /** Frames of audio around a frame that its latent depends on. */
  context(): Context {
    return contextOf([...this.frontLevels, ...this.backLevels]);
  }

  /** The same of each part, for itself. */
  partContexts(): { front: Context; back: Context } {
    return { front: contextOf(this.frontLevels), back: contextOf(this.backLevels) };
  }

  private get frontLevels(): Level[] {
    return [
      { layer: this.first, rowsPerFrame: product(this.strides) },
      ...this.blocks.slice(0, this.split).flatMap((block) => block.levels),
    ];
  }

  private get backLevels(): Level[] {
    return [...this.blocks.slice(this.split).flatMap((block) => block.levels), { layer: this.last, rowsPerFrame: 1 }];
  }
}

/** The number of blocks before the middle. A stride of 1 gives a row more than it takes, so none may come before. */
function middleOf(strides: readonly number[]): number {
  const few = strides.findIndex((_, i) => product(strides.slice(i)) <= MOST_MIDDLE_ROWS);
  const split = few < 0 ? strides.length : few;
  return strides.slice(0, split).includes(1) ? 0 : split;
}
